import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builtinJobs } from '../../jobs/index.ts';
import type { Explanation, ScheduleView, Status } from '../../src/facade.ts';
import type { Plan, Run } from '../../src/rooms.ts';
import type { Foreseen } from '../../src/when.ts';
import { database, redis, until } from '../support/index.ts';
import { patience, place, says } from './command.ts';

const db = await database({ migrated: false });
const [cache, queue] = [await redis('cache'), await redis('queue')];
const escapes = '\u001b[';

const servers = { REDIS_URL: cache.url, QUEUE_REDIS_URL: queue.url, DATABASE_URL: db.url };
const shop = place({ ...servers, PORT: '0' });
shop.write(
  'samovar.config.ts',
  `
import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, plan } from 'samovar/jobs';

const origin = defineOrigin('db', { budget: { perSecond: 10_000, concurrency: 2 } });
const ids = (from: number, n: number) => Array.from({ length: n }, (_, i) => from + i);
const options = { origin, key: key.number, ttl: '10m' } as const;
// Origins of their own: a failing one is asked for less.
const [frail, idle] = [defineOrigin('frail'), defineOrigin('idle')];

export const products = defineCache('products', {
  ...options,
  load: async (ids) => new Map(ids.filter((id) => id % 10 !== 0).map((id) => [id, { id }])),
  negativeTtl: '10m',
  warm: { also: [{ ids: ids(1, 100) }] },
});
export const broken = defineCache('broken', {
  ...options,
  origin: frail,
  load: async (): Promise<Map<number, string>> => { throw new Error('relation "prices" does not exist'); },
  warm: { also: [{ ids: ids(1, 5) }] },
});
export const slow = defineCache('slow', {
  ...options,
  origin: idle,
  load: (ids, { signal }) => new Promise<Map<number, number>>((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
  warm: { also: [{ ids: ids(1, 5) }] },
});

export default defineConfig({
  caches: [products, broken, slow],
  jobs: [...builtinJobs],
  schedules: [schedule('45 8 * * 1-5', plan, { cache: 'products' }, { timezone: 'Europe/Berlin' })],
});
`,
);

const empty = place();

// Many starts of the program, on a machine that may have much else to do.
describe('one story on private servers', { timeout: 120_000 }, () => {
  test('migrate: what is pending, then nothing', async () => {
    expect(await shop.json('migrate', '--dry-run')).toHaveProperty('applied[0].version', 1);
    const { code, out } = await shop.run('migrate');
    expect([code, out]).toEqual([0, expect.stringContaining('0001_first')]);
    const { out: status } = await shop.run('migrate', '--status');
    expect(status).toMatch(
      /version (\d+), this build needs \1\n\nMIGRATION +STATE +APPLIED\n0001_first +applied +20/,
    );
  });

  test('plan: the table, its reasons, and nothing written', async () => {
    const { code, out, err } = await shop.run('plan', 'products', '--top', '30', '--rows', '3');
    expect([code, err]).toEqual([0, '']);
    expect(out).not.toContain(escapes);
    expect(out).toMatch(/KEY +EXPECT +LOAD +SIZE +FROM +DECISION/);
    expect(out).toContain('30 keys to warm');
    expect(out).toContain('Nothing was written. Run: samovar warm products');
    const plans = await shop.json<Plan[]>('plan');
    expect(plans.map(({ cache, totals }) => [cache, totals.warm])).toEqual([
      ['products', 100],
      ['broken', 5],
      ['slow', 5],
    ]);
    expect(await cache.client.dbsize()).toBe(0);
    expect(await db.rows('select 1 from samovar.plan')).toEqual([]);
  });

  test('plan --when: by when groups must be warm, or why there is none', async () => {
    const found = await shop.json<Foreseen[]>('plan', '--when');
    expect(found).toEqual(
      ['products', 'broken', 'slow'].map((name, i) => ({
        cache: name,
        origin: ['db', 'frail', 'idle'][i],
        times: [],
        why: 'unread',
      })),
    );
    const { code, out } = await shop.run('plan', 'products', '--when');
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^products: no daily rise .* no read is known yet\n\nNothing was written\./),
    ]);
    expect((await shop.run('plan', '--when', '--top', '5')).code).toBe(2);
  });

  test('warm: plans, works and waits by itself; what the origin lacks is counted, not an error', async () => {
    const { code, out, err } = await shop.run(
      'warm',
      'products',
      '--json',
      '--trigger',
      'deploy',
      '--budget',
      '60s',
    );
    expect([code, err]).toEqual([0, '']);
    const [{ run }] = JSON.parse(out) as [{ run: Run }];
    expect(run).toMatchObject({
      cache: 'products',
      trigger: 'deploy',
      state: 'done',
      rows: 100,
      results: { written: 90, missing: 10 },
    });
    expect(await cache.client.keys('*:e:*')).toHaveLength(100);
  });

  test('warm again: everything is fresh', async () => {
    const { code, out } = await shop.run('warm', 'products');
    expect([code, out]).toEqual([0, 'products: nothing needs warming\n']);
  });

  test('warm --keys: a key that is none of the cache is refused before there is a run', async () => {
    const { code, err } = await shop.run('warm', 'products', '--keys', '1,abc');
    expect([code, err]).toEqual([2, expect.stringMatching(/E_KEY .*number key codec, got string 'abc'/)]);
  });

  test('warm --keys: those keys; a loader that throws is exit code 4', async () => {
    const { code, out } = await shop.run('warm', 'broken', '--keys', '1,2');
    expect(code).toBe(4);
    expect(out).toMatch(/RUN +CACHE +STATE .* FAILED .*\n\d+ +broken +\w+ +manual .* 2 +0 +0 +0 +2 /);
    expect(out).toMatch(/run \d+: .*relation "prices" does not exist/);
  });

  test('a run that is under way is exit code 6; Ctrl-C cancels it', async () => {
    const running = shop.start('warm', 'slow', '-v');
    await until(
      async () => (await db.rows("select 1 from samovar.plan where state = 'running'")).length > 0,
      'it runs',
      patience,
    );
    const second = await shop.run('warm', 'slow', '--json');
    expect(second.code).toBe(6);
    expect(JSON.parse(second.out)).toMatchObject({ error: { code: 'E_ALREADY_RUNNING' } });
    running.child.kill('SIGINT');
    expect((await running.ended).code).toBe(130);
    const runs = await shop.json<Run[]>('runs', 'list', 'slow');
    expect(runs.map(({ state }) => state)).toEqual(['cancelled']);
  });

  test('schedule: seen, previewed, paused, resumed', async () => {
    const { out } = await shop.run('schedule', 'next', 'plan-products', '--count', '2');
    expect(out).toMatch(/(\d{4}-\d\d-\d\d 0[67]:45 UTC +\w{3},? .*08:45 Europe\/Berlin\n? *){2}/);
    expect(await shop.json('schedule', 'pause', 'plan-products')).toEqual({
      schedule: 'plan-products',
      isPaused: true,
    });
    const [view] = await shop.json<ScheduleView[]>('schedule');
    expect(view).toMatchObject({ name: 'plan-products', job: 'plan', cache: 'products', isPaused: true });
    expect(await shop.json('schedule', 'resume', 'plan-products')).toEqual({
      schedule: 'plan-products',
      isPaused: false,
    });
  });

  test('worker: works, is healthy, and ends in peace on SIGTERM', async () => {
    const worker = shop.start('worker', '--log-level', 'warn');
    const url = (await says(worker, /http:\/\/[\d.]+:\d+/)).trim();
    const { port } = new URL(url);
    const ready = await until(
      async () => {
        const answer = await shop.runWith({ PORT: port }, 'healthcheck', '--ready', '--json');
        return answer.code === 0 && answer;
      },
      'it is ready',
      patience,
    );
    expect(JSON.parse(ready.out)).toMatchObject({ ok: true, url: `http://127.0.0.1:${port}/readyz` });
    const { id } = await shop.json<{ id: string }>('schedule', 'run', 'plan-products');
    await until(
      async () =>
        (await db.rows('select 1 from samovar.job_run where job_id = $1 and ended_at is not null', [id]))
          .length > 0,
      'the job has run',
      patience,
    );
    const live = "select 1 from samovar.plan where ended_at is null and state <> 'planned'";
    await until(async () => (await db.rows(live)).length === 0, 'its run has ended', patience);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test('jobs: what they read and write, and how it went', async () => {
    const jobs = await shop.json<{ name: string; reads: string[]; lastRun?: { outcome: string } }[]>('jobs');
    expect(jobs.map(({ name }) => name)).toEqual(builtinJobs.map(({ name }) => name));
    expect(jobs.find(({ name }) => name === 'plan')?.lastRun?.outcome).toBe('done');
    const { out } = await shop.run('jobs', 'plan');
    expect(out).toMatch(/STARTED +TOOK +OUTCOME +SCHEDULE +RESULT\n.* ago .* done +plan-products/);
  });

  test('status: one document, one screen', async () => {
    const status = await shop.json<Status>('status');
    expect(status.servers.map(({ role, ok }) => [role, ok])).toEqual([
      ['cache', true],
      ['queue', true],
      ['postgres', true],
    ]);
    expect(status.caches[0]).toMatchObject({ cache: 'products', lastRun: { state: 'done' } });
    expect(status.outages).toEqual([]);
    // An application that does not ask the cache's Redis tells so on that of the queue.
    const note = { isAway: true, waiting: 12, since: status.at - 90_000 };
    await queue.client.sadd('sv:outages', 'web-1');
    await queue.client.set('sv:outages:web-1', JSON.stringify(note));
    const { code, out } = await shop.run('status');
    await queue.client.del('sv:outages', 'sv:outages:web-1');
    expect(code).toBe(0);
    expect(out).toMatch(/^web-1 +not asked +1 m .* ago +12$/m);
    expect(out).not.toContain(escapes);
    expect(out).toMatch(/^products .* done, .* ago +90 /m);
    expect(status.queues.map(({ workers }) => workers)).toEqual(status.queues.map(() => 0));
    expect(out).toMatch(/^warm +none /m);
  });

  test('explain: one key, term by term, and what became of it', async () => {
    const found = await shop.json<Explanation>('explain', 'products', '1');
    expect(found).toMatchObject({ cache: 'products', key: '1', state: 'fresh' });
    expect(found.past[0]).toMatchObject({
      result: expect.stringMatching(/written|fresh/),
      used: expect.any(Boolean),
    });
    const { code, out } = await shop.run('explain', 'products', '1');
    expect(code).toBe(0);
    expect(out).toMatch(/^products 1: in the cache, fresh for another /);
    expect(out).toMatch(/RUN +PLANNED +RESULT +READ SINCE +REASON\n +\d+ /);
    const unknown = await shop.run('explain', 'products', '987654');
    expect(unknown.out).toMatch(
      /not in the cache[\s\S]*No forecast speaks of it[\s\S]*None of the last plans/,
    );
    const wrong = await shop.run('explain', 'products', 'abc');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('E_KEY')]);
  });

  test('a run that nobody works says so, and the next warm carries it out', async () => {
    const left = await shop.run('warm', 'products', '--keys', '901,902', '--detach', '--json');
    expect([left.code, left.err]).toEqual([
      0,
      'No worker is up: it waits for one. Start it: samovar worker\n',
    ]);
    const [{ run }] = JSON.parse(left.out) as [{ run: Run }];
    const next = await shop.run('warm', 'products', '--keys', '903', '--json');
    expect(next.code).toBe(0);
    // It may be over before it is in the way of anything.
    expect(['', `run ${run.id} of products had nobody to work it: it comes first\n`]).toContain(next.err);
    expect((JSON.parse(next.out) as unknown[]).at(-1)).toMatchObject({ run: { state: 'done', rows: 1 } });
    const runs = await shop.json<Run[]>('runs', 'list', 'products', '--limit', '2');
    expect(runs.map(({ id, state }) => [id, state])).toContainEqual([run.id, 'done']);
  });

  test('doctor: these servers have no error', async () => {
    const { code, out } = await shop.run('doctor');
    expect([code, out]).toEqual([0, expect.stringContaining('up to date')]);
  });

  test('worker --once: what waits is done, then it ends', async () => {
    const { id } = await shop.json<{ id: string }>('schedule', 'run', 'plan-products');
    expect((await shop.run('worker', '--once', '--only', 'plan')).code).toBe(0);
    expect(await db.rows('select outcome from samovar.job_run where job_id = $1', [id])).toEqual([
      { outcome: 'done' },
    ]);
  });
});

describe('without any server', { timeout: 120_000 }, () => {
  test('init writes a configuration that is right, and overwrites nothing', async () => {
    empty.write('Procfile', 'web: mine\n');
    expect((await empty.run('init')).code).toBe(2);
    const made = await empty.json('init', '--yes');
    expect(made).toEqual({
      written: ['samovar.config.ts', 'jobs/digest.ts', '.env.example'],
      kept: ['Procfile'],
    });
    expect(readFileSync(join(empty.folder, 'Procfile'), 'utf8')).toBe('web: mine\n');
    expect(await empty.json('config', '--check')).toEqual({ ok: true, missing: ['redis', 'postgres'] });
    const { out } = await empty.run('config', '--check');
    expect(out).toMatch(/is right.*\nnot set: `redis` \(REDIS_URL\).*\nnot set: `postgres` \(DATABASE_URL\)/);
    expect(await empty.json('init', '--yes')).toMatchObject({ written: [] });
    expect(existsSync(join(empty.folder, '.env'))).toBe(false);
  });

  test('config: flag over environment over .env, secrets hidden, loaders see .env', async () => {
    empty.write(
      '.env',
      'REDIS_URL=redis://dot:hunter2@dot:1\nQUEUE_REDIS_URL=redis://dot:2\nDATABASE_URL=postgres://u:hunter2@h/d?password=hunter2\n',
    );
    empty.write(
      'shown.config.mjs',
      "import { defineConfig } from 'samovar';\nexport default defineConfig({ caches: [], prefix: new URL(process.env.REDIS_URL).hostname });\n",
    );
    const shown = await empty.runWith(
      { QUEUE_REDIS_URL: 'redis://env:2' },
      'config',
      '-c',
      'shown.config.mjs',
      '--buffer-redis',
      'redis://flag:3',
      '--json',
    );
    expect(shown.out).not.toContain('hunter2');
    expect(JSON.parse(shown.out)).toMatchObject({
      redis: 'redis://dot:***@dot:1',
      queueRedis: 'redis://env:2',
      bufferRedis: 'redis://flag:3',
      prefix: 'dot',
      sources: {
        redis: 'REDIS_URL in .env',
        queueRedis: 'QUEUE_REDIS_URL',
        bufferRedis: '--buffer-redis',
        postgres: 'DATABASE_URL in .env',
      },
    });
  });

  test('healthcheck: nobody there is exit code 1, an ill one too', async () => {
    const none = await empty.run('healthcheck', '--port', '9', '--json');
    expect([none.code, JSON.parse(none.out)]).toEqual([1, expect.objectContaining({ ok: false })]);
    const server = createServer((_, answer) => answer.writeHead(503).end('{"ok":false}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const ill = await empty.run('healthcheck', '--port', String(port));
    server.close();
    expect(ill).toMatchObject({
      code: 1,
      out: `http://127.0.0.1:${port}/healthz is not well: {"ok":false}\n`,
    });
  });

  test('the command line itself: help is asked for, usage is an error', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await empty.run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
    const help = await empty.run('help', 'warm');
    expect([help.code, help.out]).toEqual([0, expect.stringContaining('Usage: samovar warm')]);
    const nothing = await empty.run();
    expect([nothing.code, nothing.err]).toEqual([2, expect.stringContaining('Usage: samovar <command>')]);
    const typo = await empty.run('plan', '--tpo', '5');
    expect([typo.code, typo.err]).toEqual([
      2,
      expect.stringMatching(/✖ E_USAGE unknown option '--tpo'[\s\S]*--top[\s\S]*samovar plan --help/),
    ]);
    const unknown = await empty.run('wram', '--json');
    expect([unknown.code, JSON.parse(unknown.out)]).toMatchObject([
      2,
      { error: { code: 'E_USAGE', message: expect.stringContaining('warm') } },
    ]);
  });
});

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareEnvironment, database, redis, until } from '../support/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'samovar-examples-'));
const own = join(folder, 'node_modules/samovar');
const cli = join(own, 'dist/bin/samovar.js');

/** The examples beside the built package, as they stand in somebody's own project. */
beforeAll(() => {
  mkdirSync(own, { recursive: true });
  const built = spawnSync(join(root, 'node_modules/.bin/tsc'), ['--outDir', join(own, 'dist')], {
    cwd: root,
  });
  expect(built.stdout.toString()).toBe('');
  for (const part of ['package.json', 'sql', 'lua'])
    cpSync(join(root, part), join(own, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(own, 'node_modules'));
  for (const name of ['express', 'pg', 'tsx', 'zod'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const example of ['shop', 'worker'])
    cpSync(join(root, 'examples', example), join(folder, example), { recursive: true });
}, 120_000);

const running: ChildProcess[] = [];
afterAll(async () => {
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  }
  rmSync(folder, { recursive: true });
});

const postgres = await database({ migrated: false });
const cache = await redis('cache');
const queue = await redis('queue');

/** Runs node in an example's folder; its output is gathered. */
function run(example: string, args: readonly string[]) {
  let output = '';
  const child = spawn(process.execPath, args, {
    cwd: join(folder, example),
    env: {
      ...bareEnvironment(),
      REDIS_URL: cache.url,
      QUEUE_REDIS_URL: queue.url,
      DATABASE_URL: postgres.url,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    /** The first match in what it has said so far. */
    said: (pattern: RegExp) =>
      until(() => pattern.exec(output), `${args.at(-1)} says ${pattern}: ${output}`, { timeoutMs: 20_000 }),
    async ended(): Promise<string> {
      expect([await exited, output]).toEqual([0, output]);
      return output;
    },
    end() {
      child.kill('SIGTERM');
      return this.ended();
    },
  };
}

async function prepare(example: string): Promise<void> {
  await postgres.pool.query(readFileSync(join(folder, example, 'schema.sql'), 'utf8'));
  await run(example, [cli, 'migrate']).ended();
}

describe('examples/shop', () => {
  test('reads through the cache and forgets what was changed', async () => {
    await prepare('shop');
    const server = run('shop', ['--import', 'tsx', 'server.ts']);
    const [, url] = await server.said(/listening on (http:\S+)/);
    const price = async (id: number) => {
      const response = await fetch(`${url}/products/${id}`);
      return response.status === 200
        ? ((await response.json()) as { priceCents: number }).priceCents
        : response.status;
    };

    expect(await price(7)).toBe(107);
    expect(await price(501)).toBe(404);
    await postgres.pool.query('update product set price_cents = 1 where id = 7');
    expect(await price(7)).toBe(107);
    const patched = await fetch(`${url}/products/7`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{ "priceCents": 99 }',
    });
    expect(patched.status).toBe(204);
    expect(await price(7)).toBe(99);
    await server.end();
  }, 90_000);

  test('tells the command line what it would warm', async () => {
    const planned = await run('shop', [cli, 'plan', 'products', '--json']).ended();
    expect(JSON.parse(planned)).toMatchObject({ cache: 'products' });
  }, 90_000);
});

describe('examples/worker', () => {
  test('warms what a newsletter announces', async () => {
    await prepare('worker');
    const worker = run('worker', ['--import', 'tsx', 'worker.ts']);
    await worker.said(/working .*announce/);
    const sent = await run('worker', ['--import', 'tsx', 'newsletter.ts', 'article-1', 'article-2']).ended();
    expect(sent).toMatch(/enqueued as \S+/);
    const warm = async () => (await cache.client.keys('sv:{articles#*}:e:article-?')).length;
    await until(async () => (await warm()) === 2, 'both articles are in the cache', { timeoutMs: 20_000 });
    await worker.end();
  }, 90_000);
});

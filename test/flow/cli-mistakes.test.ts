import { describe, expect, test } from 'vitest';
import type { errorCodes } from '../../src/errors.ts';
import { database, redis } from '../support/index.ts';
import { occupy } from '../support/ports.ts';
import { type Ended, place } from './command.ts';

const migrated = await database();
const empty = await database({ migrated: false });
const [cache, queue] = [await redis('cache'), await redis('queue')];
const good = {
  REDIS_URL: cache.url,
  QUEUE_REDIS_URL: queue.url,
  DATABASE_URL: migrated.url,
  LOG_LEVEL: 'silent',
};

/** A port of this machine where nobody listens. */
const closedPort = await (async () => {
  const server = await occupy();
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
})();
const changed = (url: string, change: (url: URL) => void): string => {
  const copy = new URL(url);
  change(copy);
  return copy.href;
};

const shop = place(good);
const elsewhere = place();
const config = (more: { ttl?: string; schedule?: string; zone?: string; extra?: string } = {}) => `
import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, plan } from 'samovar/jobs';
const origin = defineOrigin('db', { budget: { perSecond: 100 } });
const products = defineCache('products', {
  origin, key: key.number, ttl: '${more.ttl ?? '10m'}', load: async (ids) => new Map(ids.map((id) => [id, id])),
  warm: { also: [{ ids: [1, 2, 3] }] },
});
export default defineConfig({
  caches: [products], jobs: [...builtinJobs],
  schedules: [schedule('${more.schedule ?? '*/15 * * * *'}', plan, { cache: 'products' }, { timezone: '${more.zone ?? 'UTC'}' })],
  ${more.extra ?? ''}
});
`;
shop.write('samovar.config.ts', config());

/** What a mistake must look like: one cross, the code, the words, a way out, the exit code, and no stack or secret. */
function expectMistake(
  { code, err, out }: Ended,
  expected: { exit: number; code: keyof typeof errorCodes; says: RegExp; hint: RegExp },
) {
  const lines = err.trimEnd().split('\n');
  const cross = lines.findIndex((line) => line.startsWith('✖'));
  expect(lines[cross]).toMatch(new RegExp(`^✖ ${expected.code} `));
  expect(err).toMatch(expected.says);
  expect(err).toMatch(new RegExp(`→ .*${expected.hint.source}`));
  expect(err).not.toMatch(/^\s+at |hunter2/m);
  expect(err).not.toContain('\u001b');
  expect([code, out]).toEqual([expected.exit, '']);
}

describe('a server', { timeout: 120_000 }, () => {
  test.each(['REDIS_URL', 'QUEUE_REDIS_URL'])('1. %s: nobody listens there', async (variable) => {
    const result = await shop.runWith(
      { [variable]: `redis://:hunter2@127.0.0.1:${closedPort}` },
      'warm',
      'products',
    );
    expectMistake(result, {
      exit: 3,
      code: variable === 'REDIS_URL' ? 'E_STORE_UNAVAILABLE' : 'E_QUEUE_UNAVAILABLE',
      says: new RegExp(`\\(${variable}\\): connect ECONNREFUSED 127\\.0\\.0\\.1:${closedPort}`),
      hint: /start it/,
    });
  });

  test('2. Redis: wrong password', async () => {
    const url = changed(cache.url, (url) => Object.assign(url, { username: 'ghost', password: 'hunter2' }));
    const result = await shop.runWith({ REDIS_URL: url }, 'warm', 'products');
    expectMistake(result, {
      exit: 3,
      code: 'E_STORE_UNAVAILABLE',
      says: /WRONGPASS/,
      hint: /user and password in REDIS_URL/,
    });
  });

  test('3. Postgres: nobody listens there', async () => {
    const url = `postgres://app:hunter2@127.0.0.1:${closedPort}/shop`;
    for (const command of [['migrate'], ['plan']]) {
      const result = await shop.runWith({ DATABASE_URL: url }, ...command);
      expectMistake(result, {
        exit: 3,
        code: 'E_DATABASE_UNAVAILABLE',
        says: /app:\*\*\*@127.* \(DATABASE_URL\): connect ECONNREFUSED/,
        hint: /start Postgres/,
      });
    }
  });

  test('all of them: doctor and status tell who is away, and why', async () => {
    const away = `redis://:hunter2@127.0.0.1:${closedPort}`;
    const env = {
      REDIS_URL: away,
      QUEUE_REDIS_URL: away,
      DATABASE_URL: `postgres://u:hunter2@127.0.0.1:${closedPort}/d`,
    };
    const doctor = await shop.runWith(env, 'doctor');
    const status = await shop.runWith(env, 'status');
    expect([doctor.code, status.code]).toEqual([5, 3]);
    for (const { out, err } of [doctor, status]) {
      expect(out.match(/✖ .*connect ECONNREFUSED/g)).toHaveLength(3);
      expect(out + err).not.toContain('hunter2');
    }
  });

  test('4. Postgres: the database does not exist', async () => {
    const url = changed(migrated.url, (url) => Object.assign(url, { pathname: '/nowhere' }));
    const result = await shop.runWith({ DATABASE_URL: url }, 'plan');
    expectMistake(result, {
      exit: 3,
      code: 'E_DATABASE_UNAVAILABLE',
      says: /database "nowhere" does not exist/,
      hint: /createdb nowhere/,
    });
  });

  test('9. the queue may evict jobs', async () => {
    const result = await shop.runWith({ QUEUE_REDIS_URL: cache.url }, 'worker', '--no-http');
    expectMistake(result, {
      exit: 2,
      code: 'E_QUEUE_EVICTS',
      says: /maxmemory-policy is \w+-lfu/,
      hint: /QUEUE_REDIS_URL/,
    });
    const doctor = await shop.runWith({ QUEUE_REDIS_URL: cache.url }, 'doctor', '--json');
    const { errors, findings } = JSON.parse(doctor.out) as {
      errors: number;
      findings: { level: string; fixes: string[] }[];
    };
    expect([doctor.code, errors]).toEqual([5, 1]);
    expect(findings.find(({ level }) => level === 'error')?.fixes.join()).toContain(
      'CONFIG SET maxmemory-policy noeviction',
    );
  });
});

describe('the configuration', { timeout: 120_000 }, () => {
  test('5. wrong and unknown options, all at once', async () => {
    shop.write('wrong.config.ts', config({ ttl: '10 minutes', extra: "acces: {}, http: { port: '80' }," }));
    const result = await shop.run('config', '--check', '-c', 'wrong.config.ts');
    expectMistake(result, {
      exit: 2,
      code: 'E_CONFIG',
      says: /wrong\.config\.ts has 3 problems/,
      hint: /samovar config --check/,
    });
    expect(result.err).toContain(
      "expected `caches.products.ttl` to be a duration such as '10m' that is longer than 0, a function of the value, or a policy of `ttl`, got '10 minutes'",
    );
    expect(result.err).toContain('unknown option `acces`. Did you mean `access`?');
    expect(result.err).toContain("expected `http.port` to be a port from 0 to 65535, got '80'");
  });

  test('6. a cron expression of four fields', async () => {
    shop.write('cron.config.ts', config({ schedule: '* * * *' }));
    const result = await shop.run('worker', '-c', 'cron.config.ts');
    expectMistake(result, {
      exit: 2,
      code: 'E_CRON',
      says: /schedules\.plan-products`: '\* \* \* \*': has 4 fields/,
      hint: /minute hour day-of-month month day-of-week/,
    });
  });

  test('7. a cache that is not there', async () => {
    const result = await shop.run('plan', 'product');
    expectMistake(result, {
      exit: 2,
      code: 'E_UNKNOWN_CACHE',
      says: /there is no cache 'product'\. Did you mean 'products'\?/,
      hint: /known: products/,
    });
  });

  test('10. a time zone that is none', async () => {
    shop.write('zone.config.ts', config({ zone: 'Berlin' }));
    const result = await shop.run('schedule', 'next', '-c', 'zone.config.ts');
    expectMistake(result, {
      exit: 2,
      code: 'E_CRON',
      says: /'Berlin' is not an IANA name, did you mean 'Europe\/Berlin'\?/,
      hint: /Europe\/Berlin/,
    });
  });

  test('none at all', async () => {
    expectMistake(await elsewhere.run('plan'), {
      exit: 2,
      code: 'E_CONFIG',
      says: /there is no samovar\.config/,
      hint: /samovar init/,
    });
  });
});

describe('8. the schema', { timeout: 120_000 }, () => {
  test('is missing', async () => {
    const result = await shop.runWith({ DATABASE_URL: empty.url }, 'worker', '--no-http');
    expectMistake(result, {
      exit: 2,
      code: 'E_SCHEMA',
      says: /schema "samovar" is at version 0, this build needs \d+ \(pending: 0001_first\b/,
      hint: /run: samovar migrate/,
    });
    const doctor = await shop.runWith({ DATABASE_URL: empty.url }, 'doctor');
    expect([doctor.code, doctor.out]).toEqual([
      5,
      expect.stringMatching(/✖ schema: it is at version 0[\s\S]*samovar migrate/),
    ]);
  });

  test('is behind: what it lacks is not asked for, and the way out is told', async () => {
    const behind = await database();
    await behind.pool.query('drop table samovar.scorecard, samovar.refresh, samovar.expert_choice');
    await behind.pool.query('alter table samovar.expert drop column learned');
    await behind.pool.query('delete from samovar.migration where version > 3');
    const doctor = await shop.runWith({ DATABASE_URL: behind.url }, 'doctor');
    expect([doctor.code, doctor.out]).toEqual([
      5,
      expect.stringMatching(/✖ schema: it is at version 3[\s\S]*samovar migrate/),
    ]);
    const status = await shop.runWith({ DATABASE_URL: behind.url }, 'status', '--json');
    expect(JSON.parse(status.out)).toMatchObject({ caches: [{ cache: 'products' }] });
  });

  test('is newer than this build', async () => {
    await migrated.pool.query("insert into samovar.migration values (99, '0099_later', '')");
    try {
      const result = await shop.run('migrate');
      expectMistake(result, {
        exit: 2,
        code: 'E_SCHEMA',
        says: /at version 99, newer than this build, which knows \d+/,
        hint: /upgrade samovar/,
      });
    } finally {
      await migrated.pool.query('delete from samovar.migration where version = 99');
    }
  });
});

test('a machine gets the same as one document', async () => {
  const result = await shop.run('plan', 'product', '--json');
  expect([result.code, result.err]).toEqual([2, '']);
  expect(JSON.parse(result.out)).toEqual({
    error: {
      code: 'E_UNKNOWN_CACHE',
      message: expect.stringContaining("'products'"),
      hints: ['known: products'],
    },
  });
});

/**
 * What tests share. Real servers, started once a run by `global.ts`; no mocks, no sleeps.
 *
 *   import { database, fakeClock, redis, until } from '../support/index.ts';
 *
 *   const db = await database();            // top level of the file: a migrated database of its own, dropped afterwards
 *   const cache = await redis('cache');     // or 'queue': an empty logical database of its own; { url, client, flush }
 *   beforeEach(() => cache.flush());
 *
 *   await db.rows('select …', [1]);         // db.pool is a pg.Pool, db.url a URL to hand on; database({ migrated: false }): empty
 *   await until(() => ready, 'the worker is ready', { timeoutMs: 5_000 });   // polls; its name is the failure
 *
 *   const clock = fakeClock();              // Monday 2026-01-05 00:00 UTC; fakeClock(startAt)
 *   await clock.advance(1_000);             // runs what falls due, in order, and what that starts at once
 *   clock.stepWall(-3_600_000);             // the wall clock jumps, no time passes
 *
 *   const proxy = await startProxy(url);    // a TCP proxy before a server: proxy.url, delay(ms), blackHole(), cut(), pass(), close()
 *
 *   spawn(node, args, { env: { ...bareEnvironment(), PORT: '0' } });         // for a program that is to know nothing of ours
 *
 * FLUSHALL, CONFIG SET, SCRIPT FLUSH and SHUTDOWN hit every worker of the run, and pub/sub knows no logical databases:
 * a test that needs those, or needs to restart, freeze or kill a server, starts its own with `startRedis({ role })` or
 * `startPostgres()` from `src/servers/` (about 50 ms and 1 s) and stops it in `afterAll`.
 *
 * REDIS_URL, QUEUE_REDIS_URL, BUFFER_REDIS_URL and DATABASE_URL are removed from the environment of tests. A test file
 * that leaves a socket, timer, child process or server of its own behind fails: see `leaks.ts`. The run has a temporary
 * folder of its own (os.tmpdir()) and fails when a file is left there.
 */
export { fakeClock } from '../../src/testing/clock.ts';
export { database, type TestDatabase } from './database.ts';
export { bareEnvironment } from './environment.ts';
export { type ServerProxy, startProxy } from './proxy.ts';
export { redis } from './redis.ts';
export { until } from './until.ts';

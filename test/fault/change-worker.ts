/**
 * A worker that empties the outbox, and kills itself with SIGKILL before its nth step: a statement of Postgres or a command
 * of Redis. Ends by itself when there was nothing left. Arguments: Postgres, cache Redis, queue Redis, n (0 = never).
 */
import { Redis } from 'ioredis';
import pg from 'pg';
import { createOutbox } from '../../src/change/postgres.ts';
import { createApply } from '../../src/compose/changes.ts';
import { openGround } from '../../src/compose/ground.ts';
import { silentLog } from '../../src/log.ts';
import { changing } from './changing.ts';

const [postgres, redis, queueRedis, nth] = process.argv.slice(2) as [string, string, string, string];
const ground = await openGround(
  { postgres, redis, queueRedis, caches: changing(async () => new Map()) },
  { log: silentLog, record: false },
);
let steps = 0;
const step = (): void => {
  steps += 1;
  if (steps === Number(nth)) process.kill(process.pid, 'SIGKILL');
};
// Every statement and every command from here on is a step; the kill comes before it leaves.
const query = pg.Client.prototype.query;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  step();
  return (query as (...args: unknown[]) => unknown).apply(this, args);
} as typeof query;
const sendCommand = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function (this: Redis, ...args) {
  step();
  return sendCommand.apply(this, args);
};

const pool = new pg.Pool({ connectionString: postgres, max: 1 });
const outbox = createOutbox(pool);
const apply = createApply(ground);
while ((await outbox.drain(apply)).rows > 0);
await pool.end();
await ground.close();
process.stdout.write(String(steps));

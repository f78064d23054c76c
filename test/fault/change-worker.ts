/**
 * A worker that empties the outbox, and kills or freezes itself (SIGKILL, SIGSTOP) before its nth step: a statement of
 * Postgres or a command of Redis. What fails is tried again, as in life. Ends by itself when nothing is left, and tells
 * how many steps it took. Argument: JSON, see `Orders`.
 */
import { writeSync } from 'node:fs';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createOutbox } from '../../src/change/postgres.ts';
import { createApply } from '../../src/compose/changes.ts';
import { openGround } from '../../src/compose/ground.ts';
import { silentLog } from '../../src/log.ts';
import { changing, type Orders } from './changing.ts';

const { postgres, redis, queueRedis, nth, how } = JSON.parse(process.argv[2]!) as Orders;
const ground = await openGround(
  { postgres, redis, queueRedis, caches: changing(async () => new Map()) },
  { log: silentLog, record: false },
);
let steps = 0;
const step = (): void => {
  steps += 1;
  if (steps !== nth) return;
  if (how === 'kill') process.kill(process.pid, 'SIGKILL');
  writeSync(1, 'here\n');
  process.kill(process.pid, 'SIGSTOP');
};
// Every statement and every command from here on is a step; what happens comes before it leaves.
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

const pool = new pg.Pool({ connectionString: postgres, max: 1, application_name: 'change-worker' });
pool.on('error', () => {}); // servers are restarted on purpose
const outbox = createOutbox(pool);
const apply = createApply(ground);
const mostTries = 400;
for (let tries = 1; ; tries++) {
  try {
    while ((await outbox.drain(apply)).rows > 0);
    break;
  } catch (error) {
    if (tries === mostTries) throw error;
    await ground.clock.sleep(50);
  }
}
await pool.end();
await ground.close();
writeSync(1, `${steps}\n`);
process.exit(0);

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { hourMs } from '../../src/duration.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { forecastRoom } from '../rooms/forecast-parts.ts';
import { redis, until } from '../support/index.ts';
import { openWorker, points } from './refresh-fleet.ts';

const victimFile = fileURLToPath(new URL('./refresh-victim.ts', import.meta.url));
const ids = [1, 2, 3, 4, 5];
const gone = 1;
const room = await forecastRoom();
await room.db.rows('create table item (id int primary key, value text)');
const queue = await redis('queue');
const server = await startRedis({ role: 'cache', appendOnly: true });
const urls = { cacheUrl: server.url, queueUrl: queue.url, postgresUrl: room.db.url };
const survivor = await openWorker(urls);
const { ground, items } = survivor;
const cacheRedis = ground.connections.cache;
afterAll(async () => {
  await survivor.close();
  await server.stop();
});

beforeEach(async () => {
  await cacheRedis.flushall();
  await room.empty();
  await room.db.rows(
    `insert into item select id, 'old' from unnest($1::int[]) id on conflict (id) do update set value = 'old'`,
    [ids],
  );
  const hour = Math.floor(systemClock.now() / hourMs);
  await room.count(
    ids.flatMap((id) => [-1, 0].map((ago) => ({ key: String(id), bucket: hour + ago, accesses: 10 }))),
    'items',
  );
  await items.getMany(ids);
  await ground.caches.settled();
  await ground.due.flush();
});

/** Keys of every list and claim of the index. */
const listed = async (): Promise<Set<string>> => {
  const found = new Set<string>();
  for (const list of await cacheRedis.keys('fleet:{items#0}:d*:*'))
    for (const bundle of await cacheRedis.lrange(list, 0, -1))
      for (const key of JSON.parse(bundle.slice(bundle.indexOf(' '))) as string[]) found.add(key);
  return found;
};
/** Everything is due once the lists' slots are over. */
const isDue = async () => {
  const slots = await cacheRedis.zrange('fleet:{items#0}:d', '-1', '-1');
  return slots.length > 0 && Number(slots[0]) < systemClock.now();
};
const refreshedBy = async (): Promise<number> => {
  const ended = await survivor.run();
  return ended.kind === 'done' ? ended.result['refreshed']! : 0;
};
/** What a claimer had that died is given to others at once, not after two minutes. */
const endClaims = async () => {
  for (const name of await cacheRedis.zrange('fleet:{items#0}:dc', '0', '-1'))
    await cacheRedis.zadd('fleet:{items#0}:dc', '0', name);
};
const filledAt = async () => (await ground.caches.ages('items', ids.map(String))).map((age) => age?.filledAt);

async function die(point: string): Promise<void> {
  const victim: ChildProcess = fork(victimFile, [JSON.stringify(urls), point], {
    execArgv: ['--import', 'tsx'],
  });
  const [, signal] = await once(victim, 'exit');
  expect(signal).toBe('SIGKILL');
}

/** All that live are refreshed by others, stay in the index, and what was deleted meanwhile stays so. */
async function expectNothingLost(): Promise<void> {
  await room.db.rows(`update item set value = 'new'`);
  await items.delete(gone);
  await endClaims();
  const before = await filledAt();
  const living = ids.filter((id) => id !== gone);
  await until(
    async () => {
      await refreshedBy();
      const after = await filledAt();
      return living.every((id) => after[id - 1]! > before[id - 1]!);
    },
    'all that live are refreshed',
    { timeoutMs: 30_000 },
  );
  await ground.due.flush();
  const index = await listed();
  expect(living.map(String).filter((key) => !index.has(key))).toEqual([]);
  expect((await filledAt())[gone - 1]).toBeUndefined();
  const values = await items.getMany(living);
  expect([...new Set(values.values())]).toEqual(['new']);
}

test.each(points)(
  'a worker killed at the point "%s" loses no key, and brings nothing back',
  { timeout: 90_000 },
  async (point) => {
    await until(isDue, 'all are due');
    await die(point);
    await expectNothingLost();
  },
);

test('a Redis that is restarted while keys are claimed loses none', { timeout: 90_000 }, async () => {
  await until(isDue, 'all are due');
  await die('claimed');
  await server.restart();
  await until(() => cacheRedis.ping(), 'it is reached again');
  await until(async () => (await filledAt()).every((at) => at !== undefined), 'it is asked again');
  await expectNothingLost();
});

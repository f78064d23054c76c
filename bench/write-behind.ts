import { Queue } from 'bullmq';
import { systemClock as clock } from '../src/clock.ts';
import { lastingSession, openPostgres, openRedis, type Pool, type Redis, ready } from '../src/connect.ts';
import type { Dirty } from '../src/dirty/dirty.ts';
import { createFlusher } from '../src/dirty/flusher.ts';
import { createDirtyRecords } from '../src/dirty/postgres.ts';
import { createUpsertTarget } from '../src/dirty/postgres-upsert.ts';
import { createRedisDirty } from '../src/dirty/redis.ts';
import { createEmitter } from '../src/events.ts';
import { createSchema } from '../src/schema/postgres.ts';
import { upsert } from '../src/upsert.ts';
import { atLeast, atMost, type Bench, type BenchRow } from './bench.ts';
import { interleave, median } from './frame/stats.ts';

const cache = 'item';
const callers = 64;
const batch = 1_000;
const marks = { soft: 10_000_000, hard: 10_000_000 };
const value = JSON.stringify({ name: 'x'.repeat(170) });

let made = 0;
const put = (dirty: Dirty, key: string) =>
  dirty.write(cache, { key, form: { body: value, flags: 0 }, operation: `o${++made}` }, marks);

/** `times` calls by some callers, each after its last was answered; answers how long they took. */
async function inCalls(
  times: number,
  call: (i: number) => Promise<unknown>,
  width = callers,
): Promise<number> {
  const from = clock.elapsed();
  let next = 0;
  const caller = async () => {
    while (next < times) await call(next++);
  };
  await Promise.all(Array.from({ length: width }, caller));
  return clock.elapsed() - from;
}

function flusherOf(dirty: Dirty, pool: Pool, lanes: number) {
  return createFlusher({
    cache,
    settings: { delayMs: 0, batch, mostDead: 1_000, mostSearches: 1_000, leaseMs: 60_000, lanes },
    dirty,
    grants: createDirtyRecords(pool),
    target: createUpsertTarget(pool, {
      cache,
      def: upsert<unknown, unknown>({ table: 'item', id: 'key', columns: { value: '*' }, version: 'ver' }),
    }),
    openRow: ({ partition, key, version, form }) => {
      const json = form!.body;
      return { partition, key, version, id: key, value: json, json };
    },
    written: async () => {},
    holder: 'bench',
    clock,
    events: createEmitter(),
  });
}

/** The same rows by `unnest`, without Redis, so many statements at once. */
async function pureUpserts(pool: Pool, rows: number, connections: number): Promise<number> {
  await pool.query('truncate item');
  return inCalls(
    Math.ceil(rows / batch),
    async (i) => {
      const keys = Array.from({ length: Math.min(batch, rows - i * batch) }, (_, n) => `k${i * batch + n}`);
      await pool.query(
        `insert into item as t (key, value, ver) select * from unnest($1::text[], $2::text[], $3::int8[])
         on conflict (key) do update set value = excluded.value, ver = excluded.ver where t.ver < excluded.ver`,
        [keys, keys.map(() => value), keys.map(() => 1)],
      );
    },
    connections,
  );
}

interface Ground {
  readonly redis: Redis;
  readonly dirty: Dirty;
  readonly pool: Pool;
}

async function drain(
  { redis, dirty, pool }: Ground,
  fill: () => Promise<unknown>,
  lanes: number,
): Promise<{ ms: number; rows: number }> {
  await redis.flushall();
  await pool.query('truncate item, samovar.dirty_partition');
  await fill();
  const flusher = flusherOf(dirty, pool, lanes);
  const from = clock.elapsed();
  const { flushed } = await flusher.flush({ isForced: true });
  const ms = clock.elapsed() - from;
  await flusher.close();
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from item');
  if (rows[0]!.n !== flushed || (await dirty.ledger(cache)).pending !== 0)
    throw new Error(`${flushed} were flushed, ${rows[0]!.n} are there`);
  return { ms, rows: flushed };
}

const usedBytes = async (redis: Redis): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(await redis.info('memory'))![1]);

export const bench: Bench = {
  about:
    'buffered writes: acknowledging them beside plain SET, draining them beside the same rows without Redis',
  async run(context) {
    const { quick, rounds } = context;
    // Many turns: a machine that others share is not the same from one second to the next.
    const [turns, writes] = quick ? [1, 5_000] : [4, 30_000];
    const rows = quick ? 5_000 : 100_000;
    const many = quick ? 20_000 : 1_000_000;
    const [server, database] = await Promise.all([context.redis('queue'), context.postgres()]);
    const from = { role: 'buffer', url: server.url, from: 'the bench' } as const;
    const redis = openRedis({ ...from, use: 'once', commandTimeoutMs: 60_000 });
    await ready(redis, from);
    const pool = await openPostgres({
      url: database.url,
      from: 'the bench',
      max: 4,
      settings: lastingSession,
    });
    const queue = new Queue('writes', { connection: { url: server.url } });
    try {
      await createSchema(pool).migrate();
      await pool.query('create table item (key text primary key, value text not null, ver bigint)');
      const dirty = createRedisDirty(redis, { prefix: 'sv' });
      const ground = { redis, dirty, pool };
      const fill = () => inCalls(rows, (i) => put(dirty, `k${i}`), 500);

      context.log('writes');
      const jobs = Math.ceil(writes / 10);
      const write = await interleave(
        rounds * turns,
        {
          set: async () => {
            await redis.flushall();
            return (writes * 1_000) / (await inCalls(writes, (i) => redis.set(`k${i}`, value)));
          },
          buffer: async () => {
            await redis.flushall();
            return (writes * 1_000) / (await inCalls(writes, (i) => put(dirty, `k${i}`)));
          },
          job: async () => {
            await redis.flushall();
            return (jobs * 1_000) / (await inCalls(jobs, (i) => queue.add('write', { key: `k${i}`, value })));
          },
        },
        { warmUp: !quick },
      );

      context.log('drains');
      const drained = await interleave(quick ? rounds : 2 * rounds, {
        pure1: () => pureUpserts(pool, rows, 1),
        buffer1: async () => (await drain(ground, fill, 1)).ms,
        pure2: () => pureUpserts(pool, rows, 2),
        buffer4: async () => (await drain(ground, fill, 4)).ms,
      });
      const hot: { ms: number; rows: number }[] = [];
      for (let round = 0; round < rounds; round++)
        hot.push(await drain(ground, () => inCalls(rows, (i) => put(dirty, `k${i % 1_000}`), 500), 2));

      context.log('memory');
      await redis.flushall();
      const empty = await usedBytes(redis);
      await fill();
      const perKey = ((await usedBytes(redis)) - empty) / rows;
      await redis.flushall();
      const without = await usedBytes(redis);
      await inCalls(jobs, (i) => queue.add('write', { key: `k${i}`, value }));
      const perJob = ((await usedBytes(redis)) - without) / jobs;

      context.log(`${many} dirty keys`);
      const pureBefore = await pureUpserts(pool, many, 2);
      const all = await drain(ground, () => inCalls(many, (i) => put(dirty, `k${i}`), 1_000), 2);
      if (all.rows !== many) throw new Error(`${all.rows} of ${many} were flushed`);

      const pureMany = (pureBefore + (await pureUpserts(pool, many, 2))) / 2;

      const of = (values: readonly number[]) => median(values);
      const perSecond = (ms: number) => (rows * 1_000) / ms;
      /** Turn by turn. */
      const beside = (values: readonly number[], others: readonly number[]) =>
        of(values.map((value, turn) => value / others[turn]!));
      const ratios = {
        buffered: beside(write.buffer, write.set),
        job: beside(write.job, write.set),
        one: beside(drained.pure1, drained.buffer1),
        four: beside(drained.pure2, drained.buffer4),
        many: all.ms / pureMany,
      };
      const row = (what: string, value: number, unit: string, ratio: number, against: string): BenchRow => ({
        what,
        value,
        unit,
        ratio,
        against,
      });
      const set = of(write.set);
      const [pure1, pure2] = [perSecond(of(drained.pure1)), perSecond(of(drained.pure2))];
      const [one, four] = [perSecond(of(drained.buffer1)), perSecond(of(drained.buffer4))];
      const hotMs = of(hot.map(({ ms }) => ms));
      return {
        rows: [
          { what: 'SET', value: set, unit: 'writes/s' },
          row('buffered', of(write.buffer), 'writes/s', ratios.buffered, 'SET'),
          row('a BullMQ job per write', of(write.job), 'writes/s', ratios.job, 'SET'),
          { what: 'unnest, 1 connection', value: pure1, unit: 'rows/s' },
          row('drain, 1 lane', one, 'rows/s', ratios.one, 'unnest, 1 connection'),
          { what: 'unnest, 2 connections', value: pure2, unit: 'rows/s' },
          row('drain, 4 lanes', four, 'rows/s', ratios.four, 'unnest, 2 connections'),
          { what: `${rows} writes on 1,000 keys: drain`, value: hotMs, unit: 'ms' },
          { what: 'rows of those', value: of(hot.map((each) => each.rows)), unit: 'rows' },
          { what: 'memory of a dirty key', value: perKey, unit: 'bytes' },
          { what: 'memory of a job', value: perJob, unit: 'bytes' },
          { what: `${many} rows, unnest, 2 connections`, value: pureMany, unit: 'ms' },
          row(`${many} dirty keys, drain`, all.ms, 'ms', ratios.many, 'unnest, 2 connections'),
        ],
        targets: [
          atLeast('buffered / SET', ratios.buffered, 0.7),
          atLeast('drain of 1 lane / unnest on 1 connection', ratios.one, 0.6),
          atLeast('drain of 4 lanes / unnest on 2 connections', ratios.four, 0.6),
          atMost('drain of hot keys, ms', hotMs, 50),
          atMost('time of the large drain / unnest', ratios.many, 1.7),
        ],
      };
    } finally {
      await queue.close();
      redis.disconnect();
      await pool.end();
    }
  },
};

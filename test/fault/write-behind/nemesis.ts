import { systemClock as clock } from '../../../src/clock.ts';
import { createDirtyNames } from '../../../src/dirty/names.ts';
import { until } from '../../support/until.ts';
import { cutTail, redisTime } from './aof.ts';
import { monotonic } from './log.ts';
import type { Member } from './member.ts';
import { cache, prefix } from './options.ts';
import { progress, type Stage } from './rig.ts';
import { crew } from './target.ts';

/** A fault and its end. Notes itself; clients go on meanwhile, and have written before and after it. */
export type Fault = (stage: Stage, random: () => number) => Promise<void>;

const alive = (members: readonly Member[], random: () => number): Member => {
  const there = members.filter(({ isAlive }) => isAlive);
  return there[Math.floor(random() * there.length)]!;
};
const { sleep } = clock;

/** `during` must go on although the fault lasts. */
async function whileProxy(
  { redisProxy, postgresProxy }: Stage['rig'],
  which: 'redis' | 'postgres',
  begin: (proxy: typeof redisProxy) => void,
  ms: number,
): Promise<void> {
  const proxy = which === 'redis' ? redisProxy : postgresProxy;
  begin(proxy);
  await sleep(ms);
  proxy.pass();
}

/** Waits until a flusher has met it; they may be backing off, or dead. */
async function isRefused({ flushers }: Stage, code: string): Promise<void> {
  const seen = () =>
    flushers.flatMap((each) => each.events()).filter((event) => event.e === 'refused' && event.code === code)
      .length;
  const before = seen();
  await until(() => seen() > before, `one is refused with ${code}`, { timeoutMs: 8_000 }).catch(() => {});
}

/** What flushers meet. */
export const flusherFaults = {
  async 'kill a flusher'(stage, random) {
    stage.fault('kill a flusher');
    await alive(stage.flushers, random).kill();
    await stage.flusher();
  },
  async 'freeze a flusher beyond its lease'(stage, random) {
    const one = alive(stage.flushers, random);
    stage.fault('freeze a flusher beyond its lease');
    one.signal('SIGSTOP');
    await sleep(stage.settings.leaseMs * 1.3);
    one.signal('SIGCONT');
  },
  async 'delete leases'(stage) {
    stage.fault('delete leases');
    const { admin, dirty } = stage.rig;
    const names = createDirtyNames(prefix, dirty.partitions, false);
    for (let p = 0; p < dirty.partitions; p++) await admin.del(names.of(cache, p).lease);
  },
} satisfies Record<string, Fault>;

/** What the way to Postgres and its server do. */
export const postgresFaults = {
  async 'crash Postgres'(stage) {
    stage.fault('crash Postgres');
    await stage.rig.postgres.kill();
    await stage.rig.postgres.restart();
  },
  async 'end sessions of Postgres'(stage) {
    stage.fault('end sessions of Postgres');
    await stage.rig.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
    );
  },
  async 'lose replies of Postgres'(stage) {
    stage.fault('lose replies of Postgres');
    stage.rig.postgresProxy.cut(0);
    await sleep(100);
    stage.rig.postgresProxy.pass();
  },
  async 'delay Postgres'(stage, random) {
    stage.fault('delay Postgres');
    await whileProxy(stage.rig, 'postgres', (proxy) => proxy.delay(100 + random() * 400), 1_500);
  },
  async 'refuse Postgres'(stage) {
    stage.fault('refuse Postgres');
    await whileProxy(stage.rig, 'postgres', (proxy) => proxy.refuse(), 500);
  },
  async 'make Postgres read-only'(stage) {
    stage.fault('make Postgres read-only');
    const { pool } = stage.rig;
    const set = async (value: string) => {
      await pool.query(`alter system set default_transaction_read_only = ${value}`);
      await pool.query('select pg_reload_conf()');
    };
    await set('on');
    await sleep(500);
    // A session that began read-only may not undo it otherwise.
    await pool.query('set default_transaction_read_only = off');
    await set('off');
  },
  async 'fill the disk of Postgres'(stage) {
    stage.fault('fill the disk of Postgres');
    const { pool } = stage.rig;
    await pool.query('alter table item enable trigger disk_is_full');
    await isRefused(stage, '53100');
    await pool.query('alter table item disable trigger disk_is_full');
  },
  async 'take all connections of Postgres'(stage) {
    stage.fault('take all connections of Postgres');
    const { pool } = stage.rig;
    await pool.query(`alter role ${crew.user} connection limit 0`);
    await pool.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
      crew.user,
    ]);
    await isRefused(stage, '53300');
    await pool.query(`alter role ${crew.user} connection limit -1`);
  },
} satisfies Record<string, Fault>;

/** What the way to Redis and its server do. */
export const redisFaults = {
  async 'kill Redis'(stage) {
    const { admin, redis } = stage.rig;
    const [, appendfsync] = (await admin.config('GET', 'appendfsync')) as string[];
    // While its disk is busy, one that need not sync before it answers does not even write, for two seconds and a bit.
    const lostFrom = appendfsync === 'always' ? undefined : monotonic() - 3_000_000;
    await redis.kill();
    stage.fault('kill Redis', lostFrom);
    await redis.restart();
  },
  async 'lose replies of Redis'(stage) {
    stage.fault('lose replies of Redis');
    stage.rig.redisProxy.cut(0);
    await sleep(50);
    stage.rig.redisProxy.pass();
  },
  async 'delay Redis'(stage, random) {
    stage.fault('delay Redis');
    await whileProxy(stage.rig, 'redis', (proxy) => proxy.delay(100 + random() * 400), 1_000);
  },
  async 'swallow what Redis says'(stage) {
    stage.fault('swallow what Redis says');
    await whileProxy(stage.rig, 'redis', (proxy) => proxy.blackHole('from-server'), 1_200);
    stage.rig.redisProxy.cut();
  },
  async 'swallow what Redis is told'(stage) {
    stage.fault('swallow what Redis is told');
    await whileProxy(stage.rig, 'redis', (proxy) => proxy.blackHole('to-server'), 1_200);
    stage.rig.redisProxy.cut();
  },
  async 'fill Redis'(stage) {
    stage.fault('fill Redis');
    await stage.rig.admin.config('SET', 'maxmemory', '1');
    await sleep(400);
    await stage.rig.admin.config('SET', 'maxmemory', '0');
  },
  async 'forget scripts'(stage) {
    stage.fault('forget scripts');
    await stage.rig.admin.script('FLUSH');
  },
  async 'take the index away'(stage, random) {
    stage.fault('take the index away');
    const { admin, dirty } = stage.rig;
    const names = createDirtyNames(prefix, dirty.partitions, false);
    for (let i = 0; i < 8; i++)
      await admin.del(names.of(cache, Math.floor(random() * dirty.partitions)).index);
  },
} satisfies Record<string, Fault>;

/** What an application and its cache meet. */
export const clientFaults = {
  async 'forget the cache'(stage) {
    stage.fault('forget the cache');
    const { admin } = stage.rig;
    const entries = await admin.keys(`${prefix}:{${cache}#*}:e:*`);
    if (entries.length > 0) await admin.del(entries);
  },
  async 'kill an application'(stage, random) {
    stage.fault('kill an application');
    await alive(stage.clients, random).kill();
    await stage.client();
  },
} satisfies Record<string, Fault>;

/** Power fails: what Redis had not yet on disk is gone, as far back as a few seconds. */
export const powerLoss: Fault = async (stage) => (await powerWillFail(stage))();

/** The moment from which on nothing is on disk; power fails when the answer is called, two seconds later at least. */
export async function powerWillFail(stage: Stage): Promise<() => Promise<void>> {
  const { redis, admin } = stage.rig;
  const keptUpTo = await redisTime(admin);
  const lostFrom = monotonic() - 1_000_000;
  return async () => {
    const isLater = async () => (await redisTime(admin)) >= keptUpTo + 2;
    await until(isLater, 'two seconds are written down');
    await redis.kill();
    cutTail(redis.folder!, keptUpTo);
    stage.fault('lose power', lostFrom);
    await redis.restart();
  };
}

export const allFaults: Readonly<Record<string, Fault>> = {
  ...flusherFaults,
  ...postgresFaults,
  ...redisFaults,
  ...clientFaults,
};

/** Brings faults about one after the other, in order, with writes in between. */
export async function inTurn(
  stage: Stage,
  faults: Readonly<Record<string, Fault>>,
  { times = 1, random = Math.random, writes = 60 } = {},
): Promise<Record<string, number>> {
  for (let time = 0; time < times; time++)
    for (const fault of Object.values(faults)) {
      await progress(stage, writes);
      await fault(stage, random);
    }
  await progress(stage, writes);
  return Object.fromEntries(Object.keys(faults).map((kind) => [kind, times]));
}

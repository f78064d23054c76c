import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { openPostgres, type Pool } from '../../../src/connect.ts';
import type { Dirty } from '../../../src/dirty/dirty.ts';
import { createRedisDirty } from '../../../src/dirty/redis.ts';
import { createSchema } from '../../../src/schema/postgres.ts';
import { startPostgres } from '../../../src/servers/postgres.ts';
import { startRedis } from '../../../src/servers/redis.ts';
import type { Server } from '../../../src/servers/server.ts';
import { type ServerProxy, startProxy } from '../../support/proxy.ts';
import { until } from '../../support/until.ts';
import { check, type Expected, type Verdict } from '../history/check.ts';
import { type Event, eventsOf } from '../history/event.ts';
import { type History, historyOf } from '../history/history.ts';
import { build } from './build.ts';
import { openJobs } from './job-writes.ts';
import { openEventLog } from './log.ts';
import { type Member, startMember } from './member.ts';
import { type ClientOptions, cache, type FlusherOptions, prefix } from './options.ts';
import { crew, crewSql, readEnd, targetSql } from './target.ts';

/** Queues are in a logical database of their own. */
export const queueDatabase = 1;

export interface RigOptions {
  /** Further lines of redis.conf. */
  readonly redis?: Readonly<Record<string, string>>;
  readonly postgres?: Readonly<Record<string, string>>;
}

/** Servers of one's own, with proxies before them; stages are played on them one after the other. */
export interface Rig {
  readonly redis: Server;
  readonly postgres: Server;
  /** What processes under test reach the servers by. */
  readonly redisProxy: ServerProxy;
  readonly postgresProxy: ServerProxy;
  readonly admin: Redis;
  readonly pool: Pool;
  readonly dirty: Dirty;
  /** An empty stage: no key, no row. `folder` = what was built of the code under test. */
  stage(options?: {
    folder?: string;
    via?: 'buffer' | 'jobs';
    flusher?: Partial<FlusherOptions>;
    client?: Partial<ClientOptions>;
  }): Promise<Stage>;
  close(): Promise<void>;
}

/** One run: its processes and what they noted. */
export interface Stage {
  readonly rig: Rig;
  readonly clients: Member[];
  readonly flushers: Member[];
  readonly settings: { readonly leaseMs: number };
  /** Notes a fault of the servers or the way to them. */
  fault(kind: string, lostFrom?: number): void;
  client(options?: Partial<ClientOptions>): Promise<Member>;
  flusher(options?: Partial<FlusherOptions>): Promise<Member>;
  /** A worker as the package starts it, which works flush jobs, too. */
  worker(options?: Partial<FlusherOptions>): Promise<Member>;
  /** Acknowledged writes so far. */
  acknowledged(): number;
  /** Lets clients end, and flushers go on until nothing is dirty or the time is over; answers what was seen. */
  finish(options: { drainMs?: number } & Expected): Promise<{ history: History; verdict: Verdict }>;
  /** Ends all processes, whatever they do. */
  clear(): Promise<void>;
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const servers = await Promise.all([
    startRedis({ role: 'buffer', settings: { 'aof-timestamp-enabled': 'yes', ...options.redis } }),
    startPostgres({ durable: true, settings: { ...options.postgres } }),
  ]);
  const [redis, postgres] = servers;
  const [redisProxy, postgresProxy] = await Promise.all([startProxy(redis.url), startProxy(postgres.url)]);
  const admin = new Redis(redis.url, { retryStrategy: () => 50 });
  admin.on('error', () => {});
  const pool = await openPostgres({ url: postgres.url, from: 'the test', max: 3 });
  await createSchema(pool).migrate();
  await pool.query(targetSql);
  await pool.query(crewSql);
  const dirty = createRedisDirty(admin, { prefix });
  const own = build();
  const rig: Rig = {
    redis,
    postgres,
    redisProxy,
    postgresProxy,
    admin,
    pool,
    dirty,
    async stage({ folder = own.folder, via = 'buffer', flusher = {}, client = {} } = {}) {
      await admin.flushall();
      await pool.query('truncate item, effect, samovar.dirty_row, samovar.dirty_partition');
      return openStage(rig, { folder, via, flusher, client });
    },
    async close() {
      admin.disconnect();
      await pool.end();
      await Promise.all([redisProxy.close(), postgresProxy.close()]);
      await Promise.all(servers.map((server) => server.stop()));
      own.remove();
    },
  };
  return rig;
}

interface StageOptions {
  readonly via: 'buffer' | 'jobs';
  readonly folder: string;
  readonly flusher: Partial<FlusherOptions>;
  readonly client: Partial<ClientOptions>;
}

function openStage(rig: Rig, { folder: built, via, flusher: settings, client: habits }: StageOptions): Stage {
  const { pool, dirty } = rig;
  const folder = mkdtempSync(join(tmpdir(), 'samovar-stage-'));
  const own = join(folder, 'nemesis');
  const log = openEventLog(own);
  const clients: Member[] = [];
  const flushers: Member[] = [];
  const everybody: Member[] = [];
  let made = 0;
  const base = (kind: string) => {
    const name = `${kind}${++made}`;
    return {
      name,
      log: join(folder, name),
      redisUrl: rig.redisProxy.url,
      queueUrl: `${rig.redisProxy.url}/${queueDatabase}`,
      postgresUrl: asCrew(rig.postgresProxy.url),
      via,
    };
  };
  const enlist = (list: Member[], member: Member): Member => {
    list.push(member);
    everybody.push(member);
    return member;
  };
  const flusherOf = async (kind: 'flusher' | 'whole' | 'job', more: Partial<FlusherOptions> = {}) => {
    const options: FlusherOptions = {
      ...base('f'),
      leaseMs: 1_000,
      batch: 100,
      lanes: 2,
      delayMs: 20,
      mostDead: 100_000,
      mostSearches: 6_000,
      ...settings,
      ...more,
      // It makes tables, too.
      ...(kind === 'whole' ? { postgresUrl: rig.postgresProxy.url } : {}),
    };
    return enlist(flushers, await startMember(built, kind, options));
  };
  let isCleared = false;
  const clear = async () => {
    if (isCleared) return;
    isCleared = true;
    await Promise.all(everybody.map((each) => each.kill()));
    log.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const events = (): Event[] => [...everybody.flatMap((each) => each.events()), ...eventsOfFile(own)];
  return {
    rig,
    clients,
    flushers,
    fault: (kind, lostFrom) =>
      log.note({ e: 'fault', kind, ...(lostFrom === undefined ? {} : { lostFrom }) }),
    acknowledged: () => clients.reduce((sum, each) => sum + each.acknowledged(), 0),
    settings: { leaseMs: 1_000, ...settings },
    async client(more = {}) {
      const options: ClientOptions = {
        ...base('c'),
        seed: made,
        callers: 4,
        restMs: 12,
        poison: 0,
        hotKeys: 60,
        additions: 0.05,
        reads: 0.2,
        readers: 0,
        laid: 0,
        hardMark: 1_000_000,
        acknowledge: 'buffer',
        ...habits,
        ...more,
      };
      return enlist(clients, await startMember(built, 'client', options));
    },
    flusher: (more) => flusherOf(via === 'buffer' ? 'flusher' : 'job', more),
    worker: (more) => flusherOf('whole', more),
    async finish({ drainMs = 10_000, ...expected }) {
      await Promise.all(clients.filter(({ isAlive }) => isAlive).map((each) => each.stop()));
      const jobs = via === 'jobs' ? openJobs(rig.redis.url) : undefined;
      let late = 0;
      const isDrained = async () => {
        late = jobs === undefined ? (await dirty.ledger(cache)).pending : await jobs.waiting();
        return late === 0;
      };
      // What does not drain is found by the checker.
      await until(isDrained, 'all is flushed', { timeoutMs: drainMs }).catch(() => {});
      await Promise.all(flushers.filter(({ isAlive }) => isAlive).map((each) => each.stop()));
      const end = { ...(await readEnd(pool, dirty)), late };
      const history = historyOf(events(), jobs === undefined ? end : { ...end, ...(await jobs.end()) });
      await jobs?.close();
      await clear();
      return { history, verdict: check(history, expected) };
    },
    clear,
  };
}

function asCrew(url: string): string {
  const own = new URL(url);
  own.username = crew.user;
  own.password = crew.password;
  return own.href;
}

/** Waits until clients were told of so many more writes. */
export async function progress(stage: Stage, writes = 100): Promise<void> {
  const from = stage.acknowledged();
  await until(() => stage.acknowledged() >= from + writes, `${writes} more writes are acknowledged`, {
    timeoutMs: 30_000,
  });
}

const eventsOfFile = (file: string): Event[] => eventsOf(readFileSync(file, 'utf8'));

import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { type BehindSettings, behindSettingsOf } from '../cache/behind-settings.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Connections } from '../connections.ts';
import { type Assured, assure } from '../dirty/assured.ts';
import { createRedisDirty } from '../dirty/redis.ts';
import type { Level } from '../dirty/redis-write.ts';
import type { CachedNames } from '../dirty/write-arguments.ts';
import type { Emitter } from '../events.ts';
import type { Log } from '../log.ts';
import type { Producer } from '../queue/producer.ts';
import { createNames, partitionOf } from '../store/names.ts';
import { isUpsert } from '../upsert.ts';

export interface DirtyParts {
  readonly config: Config;
  readonly connections: Connections;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Emitter;
}

/** How long a write waits for replicas or the disk. */
const waitMs = 1_000;

/** Whether anything is buffered, or written with versions that the buffer gives. */
export const needsBuffer = ({ caches }: Pick<Config, 'caches'>): boolean =>
  caches.some((def) => def.writeBehind !== undefined || isUpsert(def.write));

/** The buffer of dirty writes; undefined where no cache needs one. */
export function openDirty({ config, connections, clock, log, events }: DirtyParts): Assured | undefined {
  const redis = connections.buffer;
  if (redis === undefined) return undefined;
  let assured: Assured | undefined;
  const levels = new Map<string, BehindSettings>();
  const dirty = createRedisDirty(redis, {
    prefix: config.prefix,
    cachedOf: connections.isBufferInCache ? cachedIn(config.prefix) : undefined,
    levelOf(cache): Level | undefined {
      const { replicas = 0, isSynced = false } = levels.get(cache) ?? {};
      const mustWait = isSynced && (assured?.mustWait ?? true);
      return replicas > 0 || mustWait ? { replicas, isSynced: mustWait, waitMs } : undefined;
    },
  });
  for (const def of config.caches) {
    const settings = behindSettingsOf(def, dirty.partitions);
    if (settings) levels.set(def.name, settings);
  }
  assured = assure(dirty, {
    promised: Array.from(levels, ([cache, { isSynced, replicas }]) => ({ cache, isSynced, replicas })),
    from: config.sources.bufferRedis,
    allowEvicting: config.allowEvictingBuffer,
    clock,
    onEmptied() {
      events.emit('buffer:emptied', {});
      log.error('the buffer was emptied by hand, or its Redis came back without it: writes may be lost');
    },
    onChange(error) {
      events.emit('buffer:changed', { isSafe: error === undefined });
      if (error) log.error({ err: error }, 'the buffer takes no writes');
      else log.info('the buffer takes writes again');
    },
  });
  return assured;
}

function cachedIn(prefix: string): (cache: string, key: string) => CachedNames {
  const names = createNames(prefix);
  return (cache, key) => {
    const { leases, entry } = names.slot(cache, partitionOf(key));
    return { leases, entry: entry + key };
  };
}

/** Names a process among those that flush. */
export const newHolder = (): string => `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;

/** Wake-ups of a cache: no more often than this. */
const wakeEveryMs = 1_000;

/** Asks for a flush by a job, which is never needed: workers look by themselves. */
export function createWake(
  { config, clock, log }: Pick<DirtyParts, 'config' | 'clock' | 'log'>,
  producer: Pick<Producer, 'enqueue'>,
): (cache: string) => void {
  const quietUntil = new Map<string, number>();
  const isWorked = config.jobs.some(({ name }) => name === 'flush');
  return (cache) => {
    const now = clock.elapsed();
    if (!isWorked || now < (quietUntil.get(cache) ?? 0)) return;
    quietUntil.set(cache, now + wakeEveryMs);
    producer
      .enqueue('flush', { cache }, { wakes: cache })
      .catch((error: unknown) => log.debug({ cache, err: error }, 'no flush was asked for'));
  };
}

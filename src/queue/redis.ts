import { maskUrl, type Redis, sameServer } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import type { Log } from '../log.ts';
import { type QueueAddress, queueAway } from './away.ts';

/** What the fleet knows of a schedule. Instants are epoch ms. */
export interface ScheduleState {
  /** The newest slot that was dealt with: enqueued or skipped. */
  readonly lastSlot?: number;
  /** The job of the newest slot that was enqueued. */
  readonly lastJob?: string;
  readonly pausedAt?: number;
}

/** The state of schedules that all replicas share. It holds no payload: what to run is in the configuration. */
export interface ScheduleStore {
  read(name: string): Promise<ScheduleState>;
  /**
   * Makes a schedule known, so that slots missed from now on can be told. One whose timing has changed begins anew:
   * slots that only the new timing has are not owed.
   */
  register(name: string, timing: string, now: number): Promise<void>;
  /** True when this call dealt with the slot, false when another replica had. */
  settle(name: string, slot: number, jobId: string | undefined): Promise<boolean>;
  pause(name: string, now: number): Promise<void>;
  /** What passed while it was paused is not owed. */
  resume(name: string, now: number): Promise<void>;
}

/** How far ahead of the server's clock a replica's slot may lie and still count. */
const aheadMs = 5_000;

/** Keeps the state of schedules in the hash `<prefix>:schedules` of the queue role. */
export function createScheduleStore(options: {
  redis: Redis;
  address: QueueAddress;
  prefix: string;
}): ScheduleStore {
  const { redis } = options;
  const key = `${options.prefix}:schedules`;
  const settleScript = readLua('schedule-settle');
  const ask = async <T>(question: Promise<T>): Promise<T> => {
    try {
      return await question;
    } catch (error) {
      throw queueAway(options.address, error);
    }
  };
  /** A replica whose clock runs ahead must not make the others believe that their slots are over. */
  const notAhead = async (now: number): Promise<number> => {
    const [seconds] = await ask(redis.time());
    return Math.min(now, (Number(seconds) + 1) * 1_000);
  };
  return {
    async read(name) {
      const [last, job, paused] = await ask(
        redis.hmget(key, `${name}|last`, `${name}|job`, `${name}|paused`),
      );
      return {
        ...(last ? { lastSlot: Number(last) } : {}),
        ...(job ? { lastJob: job } : {}),
        ...(paused ? { pausedAt: Number(paused) } : {}),
      };
    },
    async register(name, timing, now) {
      const known = await ask(redis.hget(key, `${name}|timing`));
      if (known === timing) return;
      const last = await notAhead(now);
      await ask(redis.hset(key, { [`${name}|timing`]: timing, [`${name}|last`]: String(last) }));
    },
    async settle(name, slot, jobId) {
      return (await ask(redis.eval(settleScript, 1, key, name, slot, jobId ?? '', aheadMs))) === 1;
    },
    async pause(name, now) {
      await ask(redis.hset(key, `${name}|paused`, String(now)));
    },
    async resume(name, now) {
      const last = await notAhead(now);
      await ask(redis.multi().hset(key, `${name}|last`, String(last)).hdel(key, `${name}|paused`).exec());
    },
  };
}

/**
 * Throws E_QUEUE_EVICTS unless the queue's Redis keeps what it is given. A server that does not tell its policy
 * is warned about and trusted.
 */
export async function checkQueuePolicy(options: {
  redis: Redis;
  address: QueueAddress;
  /** Where the entries live, to tell when both are one server. */
  cacheUrl?: string | undefined;
  allowEvicting: boolean;
  log: Log;
}): Promise<void> {
  const { redis, address, log } = options;
  let policy: string | undefined;
  try {
    const answer: unknown = await redis.config('GET', 'maxmemory-policy');
    policy = Array.isArray(answer) ? String(answer[1] ?? '') : undefined;
  } catch (error) {
    if (!/unknown command|NOPERM|not allowed|disabled/i.test(messageOf(error)))
      throw queueAway(address, error);
  }
  if (!policy) {
    log.warn('the queue Redis does not tell its eviction policy (CONFIG is blocked): it must be noeviction');
    return;
  }
  if (policy === 'noeviction') return;
  const isShared = options.cacheUrl !== undefined && sameServer(options.cacheUrl, address.url);
  if (options.allowEvicting) {
    log.warn({ policy }, 'the queue Redis may delete jobs, which was accepted by allowEvictingQueue');
    return;
  }
  throw new SamovarError(
    'E_QUEUE_EVICTS',
    `the queue Redis at ${maskUrl(address.url)} (${address.from}) may delete jobs: its maxmemory-policy is ${policy}`,
    {
      hints: [
        ...(isShared ? ['it holds the cache too: a cache should evict, a queue must not'] : []),
        'best: a second Redis, named by QUEUE_REDIS_URL (docker-compose.yml has both)',
        'or: CONFIG SET maxmemory-policy noeviction',
        'or: allowEvictingQueue: true in the configuration, if lost jobs are acceptable',
      ],
    },
  );
}

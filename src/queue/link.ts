import { Queue } from 'bullmq';
import { createBreaker } from '../breaker.ts';
import type { Clock } from '../clock.ts';
import type { Redis } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import { type QueueAddress, queueAway, within } from './away.ts';
import { queuePrefix } from './names.ts';

export interface LinkOptions {
  /** A fail-fast connection of the queue role; whoever opened it closes it. */
  readonly redis: Redis;
  readonly address: QueueAddress;
  /** First part of every Redis key, without braces. */
  readonly prefix: string;
  readonly clock: Clock;
  readonly onError?: (error: Error) => void;
  /** Told when the server is not asked any more but for a question now and then, and when it is again. */
  readonly onChange?: (isAway: boolean) => void;
}

/** The queues behind one shared connection, opened when first asked. */
export interface Link {
  /** Asks the queue of a job. Whatever Redis or the network has against it becomes E_QUEUE_UNAVAILABLE, soon. */
  ask<T>(job: string, question: (queue: Queue) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Longest a connection or its first reply is waited for. */
const patienceMs = 3_000;
/** Between two questions that are let through to a server that does not answer. */
const probeEveryMs = 500;
const silent = () => new Error('it does not answer');

export function createLink(options: LinkOptions): Link {
  const { redis, address, clock } = options;
  const queues = new Map<string, Queue>();
  let lastError: Error | undefined;
  let isClosed = false;
  const note = (error: Error) => {
    lastError = error;
  };
  redis.on('error', note);
  const breaker = createBreaker(clock, (isAway) => options.onChange?.(isAway));
  let mayProbeAt = 0;
  const back = () => breaker.close();
  redis.on('ready', back);

  /** While it does not answer, one question at a time finds out whether it does again; the others fail at once. */
  const refuseWhileAway = (): void => {
    if (!breaker.isOpen) return;
    const now = clock.elapsed();
    if (now < mayProbeAt) throw queueAway(address, lastError ?? silent());
    mayProbeAt = now + patienceMs + probeEveryMs;
  };

  let connecting: Promise<void> | undefined;

  /** Resolves once commands can be sent; a server known to be away is not waited for. */
  const connected = async (): Promise<void> => {
    if (isClosed) throw new SamovarError('E_STOPPED', 'this queue connection has been closed');
    if (redis.status === 'ready') return;
    if (redis.status === 'reconnecting' || redis.status === 'close')
      throw lastError ?? new Error('the connection was lost');
    connecting ??= connect().finally(() => {
      connecting = undefined;
    });
    await connecting;
  };

  const connect = async (): Promise<void> => {
    const under =
      redis.status === 'wait' || redis.status === 'end'
        ? redis.connect()
        : new Promise<void>((resolve, reject) => {
            redis.once('ready', resolve);
            redis.once('close', () => reject(new Error('the connection was closed')));
          });
    try {
      await within(clock, patienceMs, under, silent);
    } catch (error) {
      throw lastError ?? error;
    }
  };

  const open = (name: string): Queue => {
    const queue = new Queue(name, {
      connection: redis,
      prefix: queuePrefix(options.prefix),
      // Our own check reads the eviction policy; BullMQ's would print to the application's output.
      skipVersionCheck: true,
      streams: { events: { maxLen: 1_000 } },
    });
    queue.on('error', (error) => options.onError?.(error));
    return queue;
  };

  /** BullMQ would wait for ever for a connection that was lost a moment ago. */
  const queueOf = async (name: string): Promise<Queue> => {
    await connected();
    const queue = queues.get(name) ?? open(name);
    queues.set(name, queue);
    await within(clock, patienceMs, queue.waitUntilReady(), silent);
    return queue;
  };

  return {
    async ask(name, question) {
      refuseWhileAway();
      try {
        const answer = await question(await queueOf(name));
        if (breaker.isOpen) breaker.close();
        else breaker.ok();
        return answer;
      } catch (error) {
        if (error instanceof SamovarError) throw error;
        // What the server itself has against a question is an answer, too.
        if ((error as Error).name !== 'ReplyError') {
          breaker.failed(false);
          mayProbeAt = clock.elapsed() + probeEveryMs;
        }
        throw queueAway(address, error);
      }
    },
    async close() {
      isClosed = true;
      redis.off('error', note);
      redis.off('ready', back);
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      queues.clear();
    },
  };
}

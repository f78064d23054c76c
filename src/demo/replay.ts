import type { Clock } from '../clock.ts';
import type { Read, Request } from './measure.ts';

const hourMs = 3_600_000;

export interface ReplayOptions {
  /** In time order. */
  readonly requests: readonly Request[];
  /** How long the hour may take. */
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  read(request: Request): Promise<unknown>;
  /** How often `key` was loaded for a reader since the last time this was asked. */
  takeLoads(key: string): number;
  /** Called now and then with the share of the requests that were sent. */
  progress?(share: number): void;
}

export interface Replayed {
  readonly reads: readonly Read[];
  readonly failed: number;
  /** What the first failed read said. */
  readonly failure?: unknown;
}

/**
 * Sends an hour of requests in a shorter time, each when it is due, whether or not the ones before were answered:
 * readers do not wait for each other. Rejects when the signal aborts.
 */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { requests, clock, signal } = options;
  const faster = hourMs / (options.seconds * 1_000);
  const reads: Read[] = [];
  const waiting = new Set<Promise<void>>();
  let failed = 0;
  let failure: unknown;

  const send = async (request: Request): Promise<void> => {
    const from = clock.elapsed();
    let isFailed = false;
    try {
      await options.read(request);
    } catch (error) {
      isFailed = true;
      failed += 1;
      failure ??= error;
    }
    // The reader who began a load is the first to be told of it, and so the one it is counted for.
    const isMiss = options.takeLoads(request.key) > 0 || isFailed;
    reads.push({ at: request.at, ms: clock.elapsed() - from, isMiss });
  };

  const startedAt = clock.elapsed();
  let next = 0;
  while (next < requests.length) {
    signal.throwIfAborted();
    const hourAt = (clock.elapsed() - startedAt) * faster;
    while (next < requests.length && requests[next]!.at <= hourAt) {
      const sent = send(requests[next++]!);
      waiting.add(sent);
      void sent.finally(() => waiting.delete(sent));
    }
    options.progress?.(next / requests.length);
    await clock.sleep(1, signal);
  }
  await Promise.all(waiting);
  return { reads, failed, ...(failure === undefined ? {} : { failure }) };
}

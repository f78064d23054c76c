import type { Clock } from '../clock.ts';
import { maskUrl } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';

/** Where the queue's Redis is, for messages. */
export interface QueueAddress {
  readonly url: string;
  /** Where the address came from: an environment variable or an option. */
  readonly from: string;
}

/** E_QUEUE_UNAVAILABLE with what Redis or the network said. */
export function queueAway(address: QueueAddress, cause: unknown): SamovarError {
  const reason = messageOf(cause);
  return new SamovarError(
    'E_QUEUE_UNAVAILABLE',
    `cannot reach the queue Redis at ${maskUrl(address.url)} (${address.from}): ${reason}`,
    { hints: [hint(reason, address.from)], cause },
  );
}

function hint(reason: string, from: string): string {
  if (reason.startsWith('OOM'))
    return 'the queue Redis is full: raise its maxmemory, or find what fills it (samovar jobs)';
  if (/timed out/i.test(reason))
    return 'it accepts connections and does not answer; what was sent may still be carried out: name retried work with `once`';
  if (/NOAUTH|WRONGPASS/.test(reason)) return `set the right user and password in ${from}`;
  return `start it (redis-server, docker compose up -d) or correct ${from}`;
}

/** The result of `work`, or what `late` throws when it takes longer than `ms`. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: { stop(): void } | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = clock.after(ms, () => reject(late()));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    timer?.stop();
  }
}

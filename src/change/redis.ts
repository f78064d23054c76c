import type { Redis } from '../connect.ts';

/** What was published since the last look. */
export interface EventBatch {
  /** The texts of the messages; undefined for an entry that has none. */
  readonly texts: readonly (string | undefined)[];
  /** The last entry that was read. */
  readonly upto: string;
  /** Entries may have gone before anybody read them: anything may have been invalidated. */
  readonly isGap: boolean;
}

export interface EventStream {
  /** The entries after the last that was carried out, at most some hundreds; undefined when there are none. */
  read(): Promise<EventBatch | undefined>;
  /** They have been carried out. */
  done(batch: EventBatch): Promise<void>;
  /** Resolves when there may be something new, on a connection that may be held up. */
  wait(on: Redis, ms: number): Promise<void>;
}

/** The stream, in the queue's Redis, to which anybody may add. */
const streamKey = (prefix: string): string => `${prefix}:invalidations`;
/** Entries that are kept at least, for who was away. */
const mostKept = 10_000;
const mostRead = 500;
const beginning = '0-0';

type Entry = [id: string, fields: string[]];

/**
 * Entries are read after a cursor that all workers share; several that read the same ones do no harm. Where the entry of
 * the cursor is gone, others after it may be gone, too: that is told as a gap.
 */
export function createEventStream(redis: Redis, { prefix }: { prefix: string }): EventStream {
  const key = streamKey(prefix);
  const cursorKey = `${key}:cursor`;
  let seen: string | undefined;

  const textOf = ([, fields]: Entry): string | undefined => {
    const at = fields.findIndex((field, i) => i % 2 === 0 && field === 'm');
    return at < 0 ? undefined : fields[at + 1];
  };

  return {
    async read() {
      const cursor = await redis.get(cursorKey);
      const from = cursor ?? beginning;
      const [here, entries] = (await Promise.all([
        redis.xrange(key, from, from, 'COUNT', 1),
        redis.xrange(key, `(${from}`, '+', 'COUNT', mostRead),
      ])) as [Entry[], Entry[]];
      // The server was emptied, and with it what was not read yet.
      const isLost = cursor === null && seen !== undefined && seen !== beginning;
      const isGap = isLost || (from !== beginning && here.length === 0);
      if (entries.length === 0 && !isGap) {
        seen = from;
        return undefined;
      }
      return { texts: entries.map(textOf), upto: entries.at(-1)?.[0] ?? beginning, isGap };
    },

    async done({ upto }) {
      await redis.set(cursorKey, upto);
      seen = upto;
      await redis.xtrim(key, 'MAXLEN', '~', mostKept);
    },

    async wait(on, ms) {
      await on.xread('COUNT', 1, 'BLOCK', ms, 'STREAMS', key, seen ?? '$');
    },
  };
}

import type { Clock, Timer } from '../clock.ts';
import type { Redis } from '../connect.ts';
import type { OutageFacts } from '../operating.ts';

/** What a process that cannot use the cache's Redis tells of it, where others can read it. */
export interface OutageNotes {
  /** To be called when the process may fare otherwise than before. Never throws. */
  changed(): void;
  /** Of all processes that told a moment ago, who has told longest first. Throws what the driver throws. */
  all(): Promise<OutageFacts[]>;
  stop(): Promise<void>;
}

export interface OutageNotesOptions {
  /** First part of every key. */
  readonly prefix: string;
  readonly clock: Clock;
  /** Who tells. */
  readonly process: string;
  /** How this process fares now. */
  look(): Pick<OutageFacts, 'isAway' | 'waiting'>;
}

const tellEveryMs = 5_000;
/** What a process has told that is not heard of again ends by itself. */
const keepMs = 3 * tellEveryMs;

/** On another Redis than the one that is away: that of the queue. */
export function createOutageNotes(redis: Redis, options: OutageNotesOptions): OutageNotes {
  const { prefix, clock, process, look } = options;
  const names = `${prefix}:outages`;
  const noteOf = (name: string) => `${names}:${name}`;
  let since = 0;
  let timer: Timer | undefined;
  let isOver = false;

  const isInTrouble = (): boolean => {
    const { isAway, waiting } = look();
    return isAway || waiting > 0;
  };

  const tell = async (): Promise<void> => {
    const { isAway, waiting } = look();
    const text = JSON.stringify({ isAway, waiting, since });
    try {
      await redis.multi().sadd(names, process).set(noteOf(process), text, 'PX', keepMs).exec();
    } catch {
      // That Redis is away, too: it is told again in a while.
    }
  };

  const end = async (): Promise<void> => {
    timer?.stop();
    timer = undefined;
    try {
      await redis.multi().srem(names, process).del(noteOf(process)).exec();
    } catch {
      // What was told ends by itself.
    }
  };

  return {
    changed() {
      if (isOver || isInTrouble() === (timer !== undefined)) return;
      if (timer !== undefined) return void end();
      since = clock.now();
      timer = clock.every(tellEveryMs, () => (isInTrouble() ? tell() : end()));
      void tell();
    },
    async all() {
      const known = await redis.smembers(names);
      if (known.length === 0) return [];
      const notes = await redis.mget(known.map(noteOf));
      const gone = known.filter((_, i) => !notes[i]);
      if (gone.length > 0) await redis.srem(names, ...gone);
      return known
        .flatMap((name, i): OutageFacts[] =>
          notes[i] ? [{ process: name, ...(JSON.parse(notes[i]) as Omit<OutageFacts, 'process'>) }] : [],
        )
        .sort((a, b) => a.since - b.since);
    },
    async stop() {
      isOver = true;
      if (timer !== undefined) await end();
    },
  };
}

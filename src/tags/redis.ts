import type { Cluster, Redis } from 'ioredis';
import { isLate, type Watch } from '../connect.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import type { Voice } from '../rooms.ts';
import type { TagMarks, Tags } from './tags.ts';

export interface RedisTagsOptions {
  /** First part of every key. */
  readonly prefix: string;
  /** Longest that any entry with tags can be there, leases included; markers are kept at least this long. */
  readonly keepMs: number;
  /** Where invalidations are told. @default nowhere */
  readonly voice?: Voice;
  /** Notes when a tag was invalidated, for caches that hold off. @default false */
  readonly notesTimes?: boolean;
  readonly watch?: Watch;
}

interface Scripts {
  svSeq(keys: 1, clock: string): Promise<string>;
  svInvalidate(
    keys: 1,
    clock: string,
    channel: string,
    origin: string,
    mode: string,
    ...flagAndTags: string[]
  ): Promise<string>;
  svTagsCut(keys: 1, clock: string, keepMs: number): Promise<string | null>;
  svTagsPrune(keys: 1, clock: string, upto: string, ...fields: string[]): Promise<number>;
}

/** Most tags in one command. */
const mostTags = 500;

export const tagsKey = (prefix: string): string => `${prefix}:tags`;

/** The tag clock in one Redis hash: `seq`, `from`, and `t:<tag>` for each tag that was ever invalidated. */
export function createRedisTags(
  redis: Redis | Cluster,
  { prefix, keepMs, voice, notesTimes = false, watch }: RedisTagsOptions,
): Tags {
  const guarded = createGuarded(watch);
  const key = tagsKey(prefix);
  redis.defineCommand('svSeq', { lua: readLua('tags-seq') });
  redis.defineCommand('svInvalidate', { lua: readLua('tags-invalidate') });
  redis.defineCommand('svTagsCut', { lua: readLua('tags-cut') });
  redis.defineCommand('svTagsPrune', { lua: readLua('tags-prune') });
  const scripts = redis as unknown as Scripts;

  return {
    key,

    seq: async () => Number(await guarded(scripts.svSeq(1, key))),

    async invalidate(tags, mode = 'purge') {
      const all = [...new Set(tags)];
      for (let from = 0; from < all.length; from += mostTags)
        await guarded(
          scripts.svInvalidate(
            1,
            key,
            voice?.channel ?? '',
            voice?.origin ?? '',
            mode,
            notesTimes ? '1' : '',
            ...all.slice(from, from + mostTags),
          ),
        );
    },

    async marks(tags) {
      const asked = [...new Set(tags)];
      const found = new Map<string, number>();
      const spared = new Map<string, number>();
      let clock: Pick<TagMarks, 'from' | 'seq'> = { from: Number.POSITIVE_INFINITY, seq: 0 };
      for (let from = 0; from === 0 || from < asked.length; from += mostTags) {
        const some = asked.slice(from, from + mostTags);
        const fields = some.map((tag) => `t:${tag}`);
        const [since, seq, ...marks] = await guarded(redis.hmget(key, 'from', 'seq', ...fields));
        // Without a clock nothing can be told about any entry: all are dead.
        if (seq) clock = { from: Number(since), seq: Number(seq) };
        some.forEach((tag, i) => {
          const [last, dead] = (marks[i] ?? '').split(':');
          if (last) found.set(tag, Number(last));
          if (dead) spared.set(tag, Number(dead));
        });
      }
      return { ...clock, tags: found, spared };
    },

    async prune() {
      const upto = await guarded(scripts.svTagsCut(1, key, keepMs));
      if (upto === null) return 0;
      let pruned = 0;
      let cursor = '0';
      do {
        const [next, found] = await guarded(redis.hscan(key, cursor, 'MATCH', 't:*', 'COUNT', mostTags));
        const old = found.filter((_, i) => i % 2 === 0 && Number.parseInt(found[i + 1]!, 10) <= Number(upto));
        if (old.length > 0) pruned += await guarded(scripts.svTagsPrune(1, key, upto, ...old));
        cursor = next;
      } while (cursor !== '0');
      return pruned;
    },
  };
}

const createGuarded =
  (watch: Watch | undefined) =>
  async <T>(reply: Promise<T>): Promise<T> => {
    try {
      const told = await reply;
      watch?.ok();
      return told;
    } catch (error) {
      const reason = messageOf(error);
      // No room: it answers all the same.
      if (/^OOM\b/.test(reason)) watch?.ok();
      else watch?.failed(isLate(error));
      throw new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis does not answer: ${reason}`, {
        hints: ['see that it runs and is reachable: samovar doctor'],
        cause: error,
      });
    }
  };

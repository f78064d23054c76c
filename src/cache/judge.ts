import type { Clock } from '../clock.ts';
import {
  freshUntilOf,
  hasTags,
  isEntry,
  isOtherVersion,
  seqOf,
  staleUntilOf,
  tagsOf,
} from '../store/entry.ts';
import { isDead, isExpired, type TagMarks, type Tags } from '../tags/tags.ts';

/** What stored bytes are good for: `stale` = while a newer value is on its way; `dead` = a tag of it was invalidated. */
export type Judgement = 'alive' | 'stale' | 'dead' | 'corrupt' | 'version';

export interface Judge {
  /** At once where the bytes alone can tell: for caches without tags. */
  one(bytes: Buffer): Judgement | Promise<Judgement>;
  many(all: readonly (Buffer | undefined)[]): Promise<(Judgement | undefined)[]>;
}

/** Tells which entries may be served. Tags of one tick are asked for together. */
export function createJudge(tags: Tags, isTagged: boolean, clock: Clock): Judge {
  let gathering: { readonly tags: Set<string>; readonly marks: Promise<TagMarks> } | undefined;

  const marksOf = (some: readonly string[]): Promise<TagMarks> => {
    if (gathering === undefined) {
      const all = new Set<string>();
      const marks = new Promise<TagMarks>((resolve, reject) => {
        process.nextTick(() => {
          gathering = undefined;
          tags.marks(all).then(resolve, reject);
        });
      });
      gathering = { tags: all, marks };
    }
    for (const tag of some) gathering.tags.add(tag);
    return gathering.marks;
  };

  /** Entries without grace are fresh as long as they are there: that is the server's time, not this machine's. */
  const age = (bytes: Buffer): 'alive' | 'stale' => {
    const freshUntil = freshUntilOf(bytes);
    return staleUntilOf(bytes) > freshUntil && clock.now() >= freshUntil ? 'stale' : 'alive';
  };

  const one = (bytes: Buffer): Judgement | Promise<Judgement> => {
    if (!isEntry(bytes)) return isOtherVersion(bytes) ? 'version' : 'corrupt';
    // A definition that had tags before may have left entries with some.
    if (!isTagged && !hasTags(bytes)) return age(bytes);
    const carried = tagsOf(bytes);
    if (carried === undefined) return 'corrupt';
    return marksOf(carried).then((marks) => {
      const seq = seqOf(bytes);
      if (isDead(seq, carried, marks)) return 'dead';
      if (!isExpired(seq, carried, marks)) return age(bytes);
      return staleUntilOf(bytes) > freshUntilOf(bytes) ? 'stale' : 'dead';
    });
  };

  return {
    one,
    many: (all) => Promise.all(all.map((bytes) => (bytes === undefined ? undefined : one(bytes)))),
  };
}

import { isEntry, isOtherVersion, seqOf, tagsOf } from '../store/entry.ts';
import { isDead, type TagMarks, type Tags } from '../tags/tags.ts';

/** What stored bytes are good for: `dead` = a tag of it was invalidated. */
export type Judgement = 'alive' | 'dead' | 'corrupt' | 'version';

export interface Judge {
  /** At once where the bytes alone can tell: always for caches without tags. */
  one(bytes: Buffer): Judgement | Promise<Judgement>;
  many(all: readonly (Buffer | undefined)[]): Promise<(Judgement | undefined)[]>;
}

/** Tells which entries may be served. Tags of one tick are asked for together. */
export function createJudge(tags: Tags, isTagged: boolean): Judge {
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

  const one = (bytes: Buffer): Judgement | Promise<Judgement> => {
    if (!isEntry(bytes)) return isOtherVersion(bytes) ? 'version' : 'corrupt';
    if (!isTagged) return 'alive';
    const carried = tagsOf(bytes);
    if (carried === undefined) return 'corrupt';
    return marksOf(carried).then((marks) => (isDead(seqOf(bytes), carried, marks) ? 'dead' : 'alive'));
  };

  return {
    one,
    many: (all) => Promise.all(all.map((bytes) => (bytes === undefined ? undefined : one(bytes)))),
  };
}

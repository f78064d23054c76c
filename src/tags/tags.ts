/** Where the logical clock of invalidation stands, and when each asked tag was last invalidated (0 = never). */
export interface TagMarks {
  /** Entries from before this are dead: the clock was lost and seeded again. */
  readonly from: number;
  readonly seq: number;
  readonly tags: ReadonlyMap<string, number>;
  /** For tags that were last invalidated with 'expire': when they were last purged. */
  readonly spared: ReadonlyMap<string, number>;
}

/** 'purge': nothing that carries the tag is served again; 'expire': it is stale, and served so where its cache allows it. */
export type Invalidating = 'purge' | 'expire';

/** The logical clock of invalidation: one counter in Redis, never a wall clock. */
export interface Tags {
  /** The Redis key of the clock, for scripts that look at it beside entries. */
  readonly key: string;
  /** Where the clock stands; taken before a load, it is what the loaded entry carries. E_STORE_UNAVAILABLE. */
  seq(): Promise<number>;
  /** Makes every entry with any of these tags dead (or stale), at once and for good. E_STORE_UNAVAILABLE. */
  invalidate(tags: readonly string[], mode?: Invalidating): Promise<void>;
  /** E_STORE_UNAVAILABLE. */
  marks(tags: Iterable<string>): Promise<TagMarks>;
  /** Forgets markers older than any entry can be; answers how many. */
  prune(): Promise<number>;
}

/** The read rule: an entry is dead when a tag of it was invalidated after its load began, or its clock is not ours. */
export function isDead(seq: number, tags: readonly string[], marks: TagMarks): boolean {
  if (seq < marks.from || seq > marks.seq) return true;
  for (const tag of tags) if ((marks.spared.get(tag) ?? marks.tags.get(tag) ?? 0) > seq) return true;
  return false;
}

/** True when a tag of an entry that is not dead was invalidated after its load began. */
export const isExpired = (seq: number, tags: readonly string[], marks: TagMarks): boolean =>
  tags.some((tag) => (marks.tags.get(tag) ?? 0) > seq);

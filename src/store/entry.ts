/** The stored form of a value: a fixed header (big-endian), its tags as JSON, its body. */
export interface Head {
  readonly isNegative: boolean;
  /** What the body is: see `flags`. */
  readonly flags: number;
  /** 'r' read, 'w' warm, 's' set, 'f' refresh. */
  readonly filledBy: string;
  readonly filledAt: number;
  readonly freshUntil: number;
  /** Until when it may be served while a newer value is on its way; not later than freshUntil = not at all. */
  readonly staleUntil: number;
  /** The logical clock before the load. */
  readonly seq: number;
  /** 0 = no plan asked for it. */
  readonly plan: number;
  readonly row: number;
  readonly loadMs: number;
  readonly tags: readonly string[];
}

export const headBytes = 50;
export const longestTagsBytes = 65_535;

const magic = 0x53;
const version = 1;
/** What is known of a body by its bits; none of them: a JSON text. */
export const flags = { negative: 1, typed: 2, msgpack: 4, custom: 8, deflated: 16 } as const;

const at = {
  version: 1,
  flags: 2,
  filledBy: 3,
  filledAt: 4,
  freshUntil: 12,
  seq: 20,
  plan: 28,
  row: 32,
  loadMs: 36,
  tagsLength: 40,
  staleUntil: 42,
} as const;

export const noTags: readonly string[] = [];

/** How long an entry is; `tags` is their JSON, `bytes` the length of its body. */
export const entryBytes = ({ tags, bytes }: { readonly tags: string; readonly bytes: number }): number =>
  headBytes + (tags === '' ? 0 : Buffer.byteLength(tags)) + bytes;

/** What an entry has of its own; the rest it shares with those written beside it. */
export interface Content {
  readonly row: number;
  /** As JSON, '' for none. */
  readonly tags: string;
  /** Undefined = the origin has no such id. */
  readonly body: string | Buffer | undefined;
  readonly flags: number;
}

/** Writes an entry into a buffer that has room for it; answers where it ends. */
export function writeEntry(
  into: Buffer,
  from: number,
  head: Pick<Head, 'filledBy' | 'filledAt' | 'seq' | 'plan' | 'loadMs'>,
  freshUntil: number,
  staleUntil: number,
  { row, tags, body, flags: bits }: Content,
): number {
  into[from] = magic;
  into[from + at.version] = version;
  into[from + at.flags] = body === undefined ? flags.negative : bits;
  into[from + at.filledBy] = head.filledBy.charCodeAt(0);
  into.writeDoubleBE(head.filledAt, from + at.filledAt);
  into.writeDoubleBE(freshUntil, from + at.freshUntil);
  into.writeDoubleBE(head.seq, from + at.seq);
  into.writeUInt32BE(head.plan, from + at.plan);
  into.writeUInt32BE(row, from + at.row);
  into.writeFloatBE(head.loadMs, from + at.loadMs);
  const tagsLength = tags === '' ? 0 : into.write(tags, from + headBytes);
  into.writeUInt16BE(tagsLength, from + at.tagsLength);
  into.writeDoubleBE(staleUntil, from + at.staleUntil);
  const bodyAt = from + headBytes + tagsLength;
  if (body === undefined) return bodyAt;
  return bodyAt + (typeof body === 'string' ? into.write(body, bodyAt) : body.copy(into, bodyAt));
}

/** True when the bytes begin as an entry of a version that is known here. */
export const isEntry = (bytes: Buffer): boolean =>
  bytes.length >= headBytes &&
  bytes[0] === magic &&
  bytes[at.version] === version &&
  bytes.length >= headBytes + bytes.readUInt16BE(at.tagsLength);

/** True when only the version is strange: a newer Samovar may own the entry. */
export const isOtherVersion = (bytes: Buffer): boolean =>
  bytes.length > 1 && bytes[0] === magic && bytes[at.version] !== version;

// The single fields are for the hit path, which must not make an object a read. All ask for `isEntry` first.
export const isNegative = (bytes: Buffer): boolean => (bytes[at.flags]! & flags.negative) !== 0;
export const flagsOf = (bytes: Buffer): number => bytes[at.flags]!;
export const filledAtOf = (bytes: Buffer): number => bytes.readDoubleBE(at.filledAt);
/** 0 = it was expired by hand, nobody knows when. */
export const freshUntilOf = (bytes: Buffer): number => bytes.readDoubleBE(at.freshUntil);
export const staleUntilOf = (bytes: Buffer): number => bytes.readDoubleBE(at.staleUntil);
export const loadMsOf = (bytes: Buffer): number => bytes.readFloatBE(at.loadMs);
export const seqOf = (bytes: Buffer): number => bytes.readDoubleBE(at.seq);
/** 0 unless a plan had it warmed. */
export const planOf = (bytes: Buffer): number => bytes.readUInt32BE(at.plan);
export const rowOf = (bytes: Buffer): number => bytes.readUInt32BE(at.row);
export const textOf = (bytes: Buffer): string =>
  bytes.toString('utf8', headBytes + bytes.readUInt16BE(at.tagsLength));
export const bodyOf = (bytes: Buffer): Buffer =>
  bytes.subarray(headBytes + bytes.readUInt16BE(at.tagsLength));

/** Header and tags alone, as the store tells them where it tells no values. */
export const headPartOf = (bytes: Buffer): Buffer =>
  bytes.subarray(0, headBytes + bytes.readUInt16BE(at.tagsLength));

export const hasTags = (bytes: Buffer): boolean => bytes.readUInt16BE(at.tagsLength) !== 0;

/** The tags of an entry; undefined when they are not what they should be. */
export function tagsOf(bytes: Buffer): readonly string[] | undefined {
  const length = bytes.readUInt16BE(at.tagsLength);
  if (length === 0) return noTags;
  try {
    const tags: unknown = JSON.parse(bytes.toString('utf8', headBytes, headBytes + length));
    return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
  } catch {
    return undefined; // corrupt: the caller counts it as a miss
  }
}

/** The header of an entry; undefined for anything else. */
export function headOf(bytes: Buffer): Head | undefined {
  if (!isEntry(bytes)) return undefined;
  const tags = tagsOf(bytes);
  if (tags === undefined) return undefined;
  return {
    isNegative: isNegative(bytes),
    flags: flagsOf(bytes),
    filledBy: String.fromCharCode(bytes[at.filledBy]!),
    filledAt: filledAtOf(bytes),
    freshUntil: freshUntilOf(bytes),
    staleUntil: staleUntilOf(bytes),
    seq: seqOf(bytes),
    plan: planOf(bytes),
    row: rowOf(bytes),
    loadMs: loadMsOf(bytes),
    tags,
  };
}

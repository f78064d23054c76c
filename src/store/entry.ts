/** The stored form of a value: a fixed header (big-endian), its tags as JSON, its text. */
export interface Head {
  readonly isNegative: boolean;
  /** 'r' read, 'w' warm, 's' set, 'f' refresh. */
  readonly filledBy: string;
  readonly filledAt: number;
  readonly freshUntil: number;
  /** The logical clock before the load. */
  readonly seq: number;
  /** 0 = no plan asked for it. */
  readonly plan: number;
  readonly row: number;
  readonly loadMs: number;
  readonly tags: readonly string[];
}

export const headBytes = 42;
export const longestTagsBytes = 65_535;

const magic = 0x53;
const version = 1;
const negativeFlag = 1;
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
} as const;

export const noTags: readonly string[] = [];

/** How long an entry is; `tags` is their JSON, `bytes` the length of its text. */
export const entryBytes = ({ tags, bytes }: { readonly tags: string; readonly bytes: number }): number =>
  headBytes + (tags === '' ? 0 : Buffer.byteLength(tags)) + bytes;

/** Writes an entry into a buffer that has room for it; answers where it ends. `text` undefined = negative. */
export function writeEntry(
  into: Buffer,
  from: number,
  head: Omit<Head, 'isNegative' | 'tags' | 'freshUntil' | 'row'>,
  freshUntil: number,
  row: number,
  tags: string,
  text: string | undefined,
): number {
  into[from] = magic;
  into[from + at.version] = version;
  into[from + at.flags] = text === undefined ? negativeFlag : 0;
  into[from + at.filledBy] = head.filledBy.charCodeAt(0);
  into.writeDoubleBE(head.filledAt, from + at.filledAt);
  into.writeDoubleBE(freshUntil, from + at.freshUntil);
  into.writeDoubleBE(head.seq, from + at.seq);
  into.writeUInt32BE(head.plan, from + at.plan);
  into.writeUInt32BE(row, from + at.row);
  into.writeFloatBE(head.loadMs, from + at.loadMs);
  const tagsLength = tags === '' ? 0 : into.write(tags, from + headBytes);
  into.writeUInt16BE(tagsLength, from + at.tagsLength);
  const textAt = from + headBytes + tagsLength;
  return text === undefined ? textAt : textAt + into.write(text, textAt);
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
export const isNegative = (bytes: Buffer): boolean => (bytes[at.flags]! & negativeFlag) !== 0;
export const seqOf = (bytes: Buffer): number => bytes.readDoubleBE(at.seq);
/** 0 unless a plan had it warmed. */
export const planOf = (bytes: Buffer): number => bytes.readUInt32BE(at.plan);
export const rowOf = (bytes: Buffer): number => bytes.readUInt32BE(at.row);
export const textOf = (bytes: Buffer): string =>
  bytes.toString('utf8', headBytes + bytes.readUInt16BE(at.tagsLength));

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
    filledBy: String.fromCharCode(bytes[at.filledBy]!),
    filledAt: bytes.readDoubleBE(at.filledAt),
    freshUntil: bytes.readDoubleBE(at.freshUntil),
    seq: seqOf(bytes),
    plan: planOf(bytes),
    row: rowOf(bytes),
    loadMs: bytes.readFloatBE(at.loadMs),
    tags,
  };
}

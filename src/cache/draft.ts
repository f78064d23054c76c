import { type AnyCacheDef, isEncoded } from '../define.ts';
import { type Duration, parseDuration } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { decode, encode, type Form } from '../store/codec.ts';
import { longestTagsBytes, noTags } from '../store/entry.ts';
import { squeeze } from '../store/squeeze.ts';
import type { Draft } from '../store/store.ts';
import { jittered } from '../store/ttl.ts';
import type { CacheSettings } from './options.ts';

/** A value on its way into the store. */
export interface Prepared {
  readonly draft: Draft;
  readonly tags: readonly string[];
  /** Longer than the cache allows: may be answered, not stored. */
  readonly isTooBig: boolean;
  /** Fresh for no time at all: may be answered, not stored. */
  readonly isFleeting: boolean;
}

/** A loaded value, and what is known about it. */
export interface Loaded {
  readonly key: string;
  readonly id: unknown;
  readonly value: unknown;
  readonly row: number;
  /** Reads a minute. @default nobody counts */
  readonly readsPerMinute?: () => number;
  /** Instead of what the cache says. */
  readonly ttl?: Duration | undefined;
  /** Instead of what the cache says. */
  readonly tags?: readonly string[] | undefined;
}

const mostTags = 1_000;
const noReads = () => 0;

/** Encodes a value and computes its tags and ttl; undefined becomes a negative entry. Throws for this key only. */
export function prepare(def: AnyCacheDef, settings: CacheSettings, loaded: Loaded): Prepared {
  const { key, value, row } = loaded;
  if (value === undefined) {
    const ttlMs = jittered(settings.negativeMs, settings.jitter, key);
    const draft = { key, body: undefined, flags: 0, bytes: 0, tags: '', ttlMs, graceMs: 0, row };
    return { draft, tags: noTags, isTooBig: false, isFleeting: false };
  }
  const form = encode(def.name, value, settings.codec);
  const bytes = Buffer.byteLength(form.body);
  const tags = tagsOf(def, loaded, form);
  const lengthMs = ttlMsOf(def, settings, loaded, form);
  const ttlMs = jittered(lengthMs, settings.jitter, key);
  const text = tags.length === 0 ? '' : JSON.stringify(tags);
  const draft = { key, ...form, bytes, tags: text, ttlMs, graceMs: settings.graceMs, row };
  if (Buffer.byteLength(draft.tags) > longestTagsBytes)
    throw badTags(def, `${tags.length} tags that are too long`);
  return { draft, tags, isTooBig: bytes > settings.maxValueBytes, isFleeting: lengthMs === 0 };
}

/** Deflates what is long enough for it. */
export function squeezed(
  drafts: readonly Draft[],
  { compressAbove }: CacheSettings,
): readonly Draft[] | Promise<readonly Draft[]> {
  if (compressAbove === Number.POSITIVE_INFINITY) return drafts;
  return Promise.all(
    drafts.map(async (draft) => {
      if (draft.body === undefined || draft.bytes <= compressAbove) return draft;
      const form = await squeeze({ body: draft.body, flags: draft.flags }, compressAbove);
      return { ...draft, ...form, bytes: Buffer.byteLength(form.body) };
    }),
  );
}

/** What a function of the definition sees of a value that came as text. */
const seen = (value: unknown, form: Form): unknown => (isEncoded(value) ? decode(form) : value);

function ttlMsOf(
  def: AnyCacheDef,
  { ttl }: CacheSettings,
  { id, value, readsPerMinute = noReads, ttl: given }: Loaded,
  form: Form,
): number {
  let length = given;
  if (length !== undefined) {
    const ms = parseDuration(length);
    if (ms !== undefined) return ms;
  } else {
    // A length in the definition depends on nothing.
    if (typeof def.ttl !== 'object' && typeof def.ttl !== 'function') return ttl.usualMs;
    try {
      length = ttl.of({ id, value: seen(value, form), readsPerMinute });
    } catch (error) {
      throw new SamovarError('E_LOAD_FAILED', `\`caches.${def.name}.ttl\` failed: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
  const ms = parseDuration(length);
  if (ms === undefined)
    throw new SamovarError(
      'E_LOAD_SHAPE',
      `expected \`caches.${def.name}.ttl\` to give a duration such as '10m', got '${String(length)}'`,
    );
  return Math.min(ms, ttl.longestMs);
}

function tagsOf(def: AnyCacheDef, { id, value, tags: given }: Loaded, form: Form): readonly string[] {
  if (given === undefined && def.tags === undefined) return noTags;
  let tags: readonly unknown[];
  try {
    tags = given ?? def.tags!(id, seen(value, form));
  } catch (error) {
    throw new SamovarError('E_LOAD_FAILED', `\`caches.${def.name}.tags\` failed: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (!Array.isArray(tags)) throw badTags(def, tags === null ? 'null' : `a ${typeof tags}`);
  if (tags.length > mostTags) throw badTags(def, `${tags.length} of them`);
  for (const tag of tags) {
    if (typeof tag !== 'string' || tag === '')
      throw badTags(def, `a list with ${tag === '' ? "''" : `a ${typeof tag}`}`);
    if (!tag.isWellFormed()) throw badTags(def, 'a text that is not well-formed Unicode');
  }
  return [...new Set(tags as string[])];
}

const badTags = (def: AnyCacheDef, got: string): SamovarError =>
  new SamovarError(
    'E_LOAD_SHAPE',
    `expected \`caches.${def.name}.tags\` to return a list of at most ${mostTags} texts, got ${got}`,
  );

export const tooBig = (def: AnyCacheDef, settings: CacheSettings, bytes: number): SamovarError =>
  new SamovarError(
    'E_ENCODE',
    `a value of caches.${def.name} takes ${bytes} bytes, more than \`maxValueBytes\` (${settings.maxValueBytes}) lets in`,
    { hints: [`raise \`caches.${def.name}.maxValueBytes\`, or load less of it`] },
  );

import { type AnyCacheDef, isEncoded } from '../define.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { decode, encode } from '../store/codec.ts';
import { longestTagsBytes, noTags } from '../store/entry.ts';
import type { Draft } from '../store/store.ts';
import { jittered } from '../store/ttl.ts';
import type { CacheSettings } from './options.ts';

/** A loaded value on its way into the store. */
export interface Prepared {
  readonly draft: Draft;
  readonly tags: readonly string[];
  /** Longer than the cache allows: may be answered, not stored. */
  readonly isTooBig: boolean;
}

const mostTags = 1_000;
const loneSurrogate = /\p{Surrogate}/u;

/** Encodes a value and computes its tags; undefined and null become a negative entry. Throws for this key only. */
export function prepare(
  def: AnyCacheDef,
  settings: CacheSettings,
  entry: { readonly key: string; readonly id: unknown; readonly value: unknown; readonly row: number },
): Prepared {
  const { key, id, value, row } = entry;
  if (value === undefined || value === null) {
    const ttlMs = jittered(settings.negativeMs, settings.jitter, key);
    return { draft: { key, text: undefined, bytes: 0, tags: '', ttlMs, row }, tags: noTags, isTooBig: false };
  }
  const text = encode(def.name, value);
  const bytes = Buffer.byteLength(text);
  const tags = def.tags === undefined ? noTags : tagsFor(def, id, value, text);
  const ttlMs = jittered(settings.ttlMs, settings.jitter, key);
  const draft = { key, text, bytes, tags: tags.length === 0 ? '' : JSON.stringify(tags), ttlMs, row };
  if (Buffer.byteLength(draft.tags) > longestTagsBytes)
    throw badTags(def, `${tags.length} tags that are too long`);
  return { draft, tags, isTooBig: bytes > settings.maxValueBytes };
}

function tagsFor(def: AnyCacheDef, id: unknown, value: unknown, text: string): readonly string[] {
  let tags: readonly unknown[];
  try {
    tags = def.tags!(id, isEncoded(value) ? decode(text) : value);
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
    if (loneSurrogate.test(tag)) throw badTags(def, 'a text that is not well-formed Unicode');
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

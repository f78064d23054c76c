import { describe, expect, test } from 'vitest';
import { prepare } from '../../../src/cache/draft.ts';
import { settingsOf } from '../../../src/cache/options.ts';
import { type AnyCacheDef, defineCache, defineOrigin, encoded } from '../../../src/define.ts';
import { key } from '../../../src/key.ts';

const base = {
  origin: defineOrigin('db', { timeout: '3s' }),
  key: key.number,
  ttl: '10m',
  load: (ids: number[]): unknown[] => ids,
} as const;
const plain = defineCache('plain', base);
const draft = (def: AnyCacheDef, value: unknown) =>
  prepare(def, settingsOf(def), { key: '1', id: 1, value, row: 4 });
const tagged = (tags: unknown) => defineCache('tagged', { ...base, tags: () => tags as string[] });

describe('a value on its way into the store', () => {
  test('is its JSON, with a ttl that is never longer than asked', () => {
    const { draft: made, tags, isTooBig } = draft(plain, { name: 'pött' });
    expect(made).toMatchObject({ key: '1', body: '{"name":"pött"}', flags: 0, bytes: 16, tags: '', row: 4 });
    expect(made.ttlMs).toBeLessThanOrEqual(600_000);
    expect(made.ttlMs).toBeGreaterThanOrEqual(540_000);
    expect([tags, isTooBig]).toEqual([[], false]);
  });

  test('undefined is a missing id, remembered for a shorter time', () => {
    const value = undefined;
    expect(draft(plain, value).draft).toMatchObject({ body: undefined, bytes: 0, graceMs: 0 });
    expect(draft(plain, value).draft.ttlMs).toBeLessThanOrEqual(30_000);
  });

  test.each([[0], [''], [false], [null]])('%j is a value', (value) => {
    expect(draft(plain, value).draft.body).toBe(JSON.stringify(value));
  });

  test('is measured in bytes, not characters', () => {
    const small = defineCache('small', { ...base, maxValueBytes: 10 });
    expect(draft(small, 'x'.repeat(8)).isTooBig).toBe(false);
    expect(draft(small, 'ü'.repeat(5)).isTooBig).toBe(true);
  });

  test('carries the tags its cache gives it, each once; text is read for them', () => {
    const def = defineCache('tagged', {
      ...base,
      tags: (id, value) => [`c:${(value as { c: number }).c}`, `id:${id}`, 'x', 'x'],
    });
    expect(draft(def, { c: 7 }).tags).toEqual(['c:7', 'id:1', 'x']);
    expect(draft(def, encoded('{"c":8}')).draft.tags).toBe('["c:8","id:1","x"]');
    expect(draft(tagged([]), 1).draft.tags).toBe('');
  });

  test.each([
    ['no list', 'red', 'a string'],
    ['null', null, 'null'],
    ['a list of numbers', [1], 'a list with a number'],
    ['an empty text', ['ok', ''], "a list with ''"],
    ['half a character', ['\ud83d'], 'not well-formed'],
    ['more than a thousand', Array.from({ length: 1_001 }, String), '1001 of them'],
    ['very long ones', ['x'.repeat(70_000)], 'too long'],
  ])('tags that are %s fail this key, by name', (_, tags, got) => {
    expect(() => draft(tagged(tags), 1)).toThrow(
      expect.objectContaining({ code: 'E_LOAD_SHAPE', message: expect.stringContaining(got) }),
    );
  });

  test('tags that throw fail this key', () => {
    const def = defineCache('tagged', { ...base, tags: () => (undefined as never as string[]).slice() });
    expect(() => draft(def, 1)).toThrow(
      expect.objectContaining({
        code: 'E_LOAD_FAILED',
        message: expect.stringContaining('caches.tagged.tags'),
      }),
    );
  });
});

describe('settings', () => {
  test('come from the definition, else the defaults', () => {
    expect(settingsOf(plain)).toEqual({
      ttl: { longestMs: 600_000, usualMs: 600_000, of: expect.any(Function) },
      graceMs: 0,
      gatherMs: undefined,
      holdOffMs: 0,
      backoffMs: 10_000,
      softMs: 0,
      hardMs: undefined,
      earlyRefresh: 1,
      negativeMs: 30_000,
      negativeMax: 10_000,
      codec: 'json',
      compressAbove: Number.POSITIVE_INFINITY,
      jitter: 0.1,
      batch: 500,
      renewal: { min: 1, max: 1 },
      maxValueBytes: 1_048_576,
      timeoutMs: 3_000,
      isTagged: false,
    });
    expect(settingsOf(defineCache('short', { ...base, ttl: '10s' })).negativeMs).toBe(1_000);
    expect(settingsOf(defineCache('none', { ...base, negativeTtl: 0 })).negativeMs).toBe(0);
  });
});

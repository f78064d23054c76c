import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AccessMessage } from '../../../src/access/bucket.ts';
import { mergeMessages } from '../../../src/access/merge.ts';
import { decodeMessage, encodeMessage, storableKey } from '../../../src/access/message.ts';

const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));
const number = fc.nat(1_000_000);
const message: fc.Arbitrary<AccessMessage> = fc.record({
  from: fc.uuid(),
  seq: number,
  bucket: fc.integer({ min: 262_968, max: 600_000 }),
  dropped: number,
  caches: fc.array(
    fc.record({
      cache: fc.constantFrom('products', 'pages', 'a-b_c'),
      counts: fc.array(fc.tuple(key, number, number)),
      callers: fc.array(fc.tuple(fc.constantFrom('user', 'bot'), number, number)),
      used: fc.array(fc.tuple(number, number)),
      fills: fc.constant([]),
    }),
    { maxLength: 3 },
  ),
});

test('what is encoded is decoded', () => {
  fc.assert(
    fc.property(message, ({ from, seq, ...content }) => {
      expect(decodeMessage(encodeMessage({ from, seq, ...content }))).toEqual(content);
    }),
  );
});

test('merging keeps the sums', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const merged = mergeMessages(messages);
      const sum = (counts: readonly { accesses: number }[]) =>
        counts.reduce((total, { accesses }) => total + accesses, 0);
      const parts = messages.flatMap(({ caches }) => caches);
      expect(sum(merged.counts)).toBe(
        parts.flatMap(({ counts }) => counts).reduce((total, [, n]) => total + n, 0),
      );
      expect(sum(merged.callers)).toBe(
        parts.flatMap(({ callers }) => callers).reduce((total, [, n]) => total + n, 0),
      );
      const names = merged.counts.map(({ cache, key: text, bucket }) =>
        JSON.stringify([cache, text, bucket]),
      );
      expect(new Set(names).size).toBe(names.length);
    }),
  );
});

test('no text at all throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void decodeMessage(text)));
});

test('what the database could not hold is left out, the rest of the message stays', () => {
  const text = JSON.stringify({
    v: 1,
    b: 490_000,
    x: 0,
    c: [
      [
        'products',
        [
          ['a\0b', 1, 0],
          ['', 1, 0],
          ['x'.repeat(9_000), 1, 0],
          ['half \ud800', 2, 0],
          ['ok', 3, 1],
          ['ok', -1, 0],
          ['ok', 1.5, 0],
          ['ok', 3e9, 0],
        ],
        [
          ['user', 1, 0],
          ['c'.repeat(300), 1, 0],
        ],
        [
          [1, 2],
          [-1, 0],
          [1, 3e9],
        ],
        [
          ['ok', 2.5, 10, ['t', 't', 'a\0', 'y'.repeat(600)]],
          ['ok', null, 10, []],
          ['ok', 1, -1, []],
        ],
      ],
    ],
  });
  expect(decodeMessage(text)?.caches[0]).toEqual({
    cache: 'products',
    counts: [
      ['half \ufffd', 2, 0],
      ['ok', 3, 1],
    ],
    callers: [
      ['user', 1, 0],
      ['c'.repeat(64), 1, 0],
    ],
    used: [[1, 2]],
    fills: [{ cache: 'products', key: 'ok', loadMs: 2.5, bytes: 10, tags: ['t'] }],
  });
});

test('two texts that the database would take for the same are one key', () => {
  expect(storableKey('a\ud800')).toBe(storableKey('a\ufffd'));
});

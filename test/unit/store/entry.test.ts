import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  headBytes,
  headOf,
  isEntry,
  isNegative,
  isOtherVersion,
  planOf,
  rowOf,
  seqOf,
  tagsOf,
  textOf,
  writeEntry,
} from '../../../src/store/entry.ts';

const head = { filledBy: 'w', filledAt: 1_700_000_000_123, seq: 1_700_000_000_123_456, plan: 7, loadMs: 2.5 };

const entry = (body: string | undefined, tags = '', row = 3): Buffer => {
  const into = Buffer.alloc(headBytes + Buffer.byteLength(tags) + Buffer.byteLength(body ?? ''));
  expect(writeEntry(into, 0, head, 1_700_000_600_000, 1_700_000_660_000, { row, tags, body, flags: 0 })).toBe(
    into.length,
  );
  return into;
};

describe('an entry', () => {
  test('gives back what was written, whatever the value and the tags', () => {
    const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.json());
    fc.assert(
      fc.property(
        texts,
        fc.array(fc.string({ unit: 'grapheme', minLength: 1 })),
        fc.nat(),
        (text, tags, row) => {
          const bytes = entry(text, tags.length === 0 ? '' : JSON.stringify(tags), row);
          expect(isEntry(bytes)).toBe(true);
          expect(textOf(bytes)).toBe(text);
          expect(tagsOf(bytes)).toEqual(tags);
          expect(headOf(bytes)).toEqual({
            ...head,
            isNegative: false,
            flags: 0,
            freshUntil: 1_700_000_600_000,
            staleUntil: 1_700_000_660_000,
            row,
            tags,
          });
          expect([seqOf(bytes), planOf(bytes), rowOf(bytes)]).toEqual([head.seq, 7, row]);
        },
      ),
    );
  });

  test('may say that there is no value', () => {
    expect(isNegative(entry(undefined))).toBe(true);
    expect(isNegative(entry(''))).toBe(false);
    expect(headOf(entry(undefined))?.isNegative).toBe(true);
  });

  test('is none when it is cut short, foreign or of another version', () => {
    const bytes = entry('{"a":1}', '["t"]');
    for (let length = 0; length < headBytes + 5; length++)
      expect(isEntry(bytes.subarray(0, length)), `${length} bytes`).toBe(false);
    const newer = Buffer.from(bytes);
    newer[1] = 2;
    expect([isEntry(newer), isOtherVersion(newer), headOf(newer)]).toEqual([false, true, undefined]);
    expect([
      isEntry(Buffer.from('{"json":true}'.padEnd(80))),
      isOtherVersion(Buffer.from('{"json"')),
    ]).toEqual([false, false]);
  });

  test('has no tags that can be told when they are corrupt', () => {
    const bytes = entry('1', '["tag"]');
    bytes[headBytes] = 0x7b;
    expect(tagsOf(bytes)).toBeUndefined();
    expect(headOf(bytes)).toBeUndefined();
    expect(tagsOf(entry('1', '[1]'))).toBeUndefined();
  });
});

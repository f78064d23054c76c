import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, unpack } from '../../../src/dirty/packed.ts';

const textsIn = (bytes: Buffer): string[] => {
  const spans = unpack(bytes);
  return Array.from({ length: spans.length / 2 }, (_, i) =>
    bytes.toString('utf8', spans[2 * i], spans[2 * i + 1]),
  );
};

test('what was packed is unpacked', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
      expect(textsIn(pack(texts))).toEqual(texts);
    }),
  );
});

test('the short forms of the scripts are read, and nothing else', () => {
  expect(textsIn(Buffer.alloc(0))).toEqual([]);
  expect(textsIn(Buffer.from([0x92, 0xa1, 0x61, 0xd9, 1, 0x62]))).toEqual(['a', 'b']);
  expect(textsIn(Buffer.from([0xdc, 0, 2, 0xda, 0, 1, 0x61, 0xdb, 0, 0, 0, 1, 0x62]))).toEqual(['a', 'b']);
  expect(() => unpack(Buffer.from([0x81]))).toThrow('packed list');
  expect(() => unpack(Buffer.from([0x91, 7]))).toThrow('packed text');
});

import { expect, test } from 'vitest';
import { headOf, textOf } from '../../../src/store/entry.ts';
import { pieces } from '../../../src/store/pieces.ts';
import type { Batch, Draft } from '../../../src/store/store.ts';

const batch: Batch = {
  cache: 'shop',
  token: 't',
  isTagged: false,
  filledBy: 'w',
  filledAt: 1_000,
  seq: 5,
  plan: 9,
  loadMs: 1,
};
const draft = (key: string, text: string | undefined, tags = ''): Draft => ({
  key,
  text,
  bytes: Buffer.byteLength(text ?? ''),
  tags,
  ttlMs: 60_000,
  row: Number(key),
});
const read = (records: Buffer) => {
  const found: { ttlMs: number; text: string; row: number; freshUntil: number }[] = [];
  for (let at = 0; at < records.length; ) {
    const length = records.readUInt32BE(at + 8);
    const entry = records.subarray(at + 12, at + 12 + length);
    const { row, freshUntil } = headOf(entry)!;
    found.push({ ttlMs: records.readDoubleBE(at), text: textOf(entry), row, freshUntil });
    at += 12 + length;
  }
  return found;
};

test('a commit leaves in small pieces that hold every entry once, in order', () => {
  const drafts = Array.from({ length: 100 }, (_, i) => draft(String(i), `"${'ü'.repeat(1_000)}"`));
  const all = [...pieces(batch, drafts, [drafts.map((_, i) => i)])];
  expect(all.length).toBeGreaterThan(5);
  for (const { records } of all) expect(records.length).toBeLessThanOrEqual(32_768);
  expect(all.flatMap(({ drafts }) => drafts)).toEqual(drafts.map((_, i) => i));
  const found = all.flatMap(({ records }) => read(records));
  expect(found.map(({ row }) => row)).toEqual(drafts.map((_, i) => i));
  expect(new Set(found.map(({ text }) => text))).toEqual(new Set([drafts[0]!.text]));
  expect(found[0]).toMatchObject({ ttlMs: 60_000, freshUntil: 61_000 });
});

test('small entries are many to a piece, but not without bound; a big one goes alone', () => {
  const small = Array.from({ length: 300 }, (_, i) => draft(String(i), '1'));
  const sizes = [...pieces(batch, small, [small.map((_, i) => i)])].map(({ drafts }) => drafts.length);
  expect(sizes).toEqual([128, 128, 44]);
  const big = [draft('0', '1'), draft('1', `"${'x'.repeat(100_000)}"`), draft('2', undefined)];
  expect([...pieces(batch, big, [[0, 1, 2]])].map(({ drafts }) => drafts)).toEqual([[0], [1], [2]]);
});

test('those of different groups never share a piece', () => {
  const drafts = [draft('0', '1'), draft('1', '2', '["t"]'), draft('2', '3')];
  expect([...pieces(batch, drafts, [[0, 2], [1]])].map(({ drafts }) => drafts)).toEqual([[0, 2], [1]]);
});

import { expect, test } from 'vitest';
import { createReader } from '../../../src/cache/form.ts';
import { settingsOf } from '../../../src/cache/options.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { key } from '../../../src/key.ts';
import { encode } from '../../../src/store/codec.ts';
import { writeEntry } from '../../../src/store/entry.ts';

const def = defineCache('items', {
  origin: defineOrigin('db'),
  key: key.string,
  ttl: '1m',
  load: (ids: string[]) => ids,
});
const reader = createReader(def, settingsOf(def));

function entry(value: unknown): Buffer {
  const { body, flags } = encode('items', value);
  const bytes = Buffer.alloc(2_000);
  const head = { filledBy: 'r', filledAt: 0, seq: 0, plan: 0, loadMs: 0 };
  return bytes.subarray(0, writeEntry(bytes, 0, head, 1, 0, { row: 0, tags: '', body, flags }));
}

test.each([[{ tags: ['a'] }], [new Map([[1, new Date(2)]])], [null], [undefined]])(
  'of an entry that holds %o each reader has a value of his own',
  async (value) => {
    const form = await reader.formOf(entry(value));
    const [first, second, third] = [reader.read(form!), reader.read(form!), reader.read(form!)];
    expect([first, second, third]).toEqual([value, value, value]);
    if (value) expect(new Set([first, second, third]).size).toBe(3);
  },
);

test('an entry that says that there is no such id has no form; what is no value is told at once', () => {
  const bytes = Buffer.alloc(50);
  const head = { filledBy: 'r', filledAt: 0, seq: 0, plan: 0, loadMs: 0 };
  writeEntry(bytes, 0, head, 1, 0, { row: 0, tags: '', body: undefined, flags: 0 });
  expect(reader.formOf(bytes)).toBeUndefined();
  const torn = entry({ a: 1 });
  expect(() => reader.formOf(torn.subarray(0, torn.length - 2))).toThrow('corrupt');
});

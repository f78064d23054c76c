import { describe, expect, test } from 'vitest';
import type { DirtyForm } from '../../../src/dirty/dirty.ts';
import { entryOf, tailOf } from '../../../src/dirty/entry.ts';

const stored = (form: DirtyForm | undefined, operation = 'op', version = '1764112345678901') =>
  Buffer.concat([Buffer.from(`1${version}`), Buffer.from(tailOf(form, operation) as string)]);

describe('a dirty entry', () => {
  test.each<[string, DirtyForm]>([
    ['a text', { body: '{"a":"ключ"}', flags: 0 }],
    ['bytes', { body: Buffer.from([0, 255, 10, 13]), flags: 20 }],
    ['nothing at all', { body: '', flags: 2 }],
  ])('gives back %s', (_, form) => {
    const entry = entryOf(stored(form, 'some-operation'))!;
    expect(entry.version).toBe(1_764_112_345_678_901);
    expect(entry.operation).toBe('some-operation');
    expect(entry.form?.flags).toBe(form.flags);
    expect(Buffer.from(form.body as string).equals(entry.form!.body as Buffer)).toBe(true);
  });

  test('tells a deletion from a value', () => {
    expect(entryOf(stored(undefined))).toEqual({
      version: 1_764_112_345_678_901,
      operation: 'op',
      form: undefined,
    });
  });

  test.each([
    '',
    '1',
    '2176411234567890100U000',
    '11764112345678901X000',
    '1x764112345678901U002op',
    '11764112345678901U099',
  ])('is none when the bytes are %j', (text) => {
    expect(entryOf(Buffer.from(text))).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import { blameOf, isOrphan, reasonOf } from '../../../src/dirty/classes.ts';
import { columnText } from '../../../src/dirty/texts.ts';
import { SamovarError } from '../../../src/errors.ts';
import { upsert } from '../../../src/upsert.ts';

describe('upsert', () => {
  const good = { table: 'shop.item', id: 'id', columns: ['name'], version: 'ver' };

  test('is plain data', () => {
    expect(upsert(good)).toMatchObject({ kind: 'upsert', table: ['shop', 'item'], version: 'ver' });
    expect(upsert({ ...good, version: 'side' }).version).toBeUndefined();
    expect(upsert({ ...good, columns: { name: 'title', doc: '*' } }).columns).toEqual([
      ['name', 'title'],
      ['doc', '*'],
    ]);
  });

  test.each([
    { table: 'item; drop table item' },
    { table: 'a.b.c' },
    { table: '' },
    { id: 'id"' },
    { columns: ["name' --"] },
    { columns: [] },
    { columns: ['name', 'name'] },
    { columns: ['id'] },
    { version: 'ver sion' },
    { version: 'name' },
  ])('refuses %j', (change) => {
    expect(() => upsert({ ...good, ...change })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

describe('a value in a column', () => {
  test.each<[unknown, string, string | null]>([
    [undefined, 'text', null],
    [null, 'jsonb', null],
    ['a', 'text', 'a'],
    ['a', 'jsonb', '"a"'],
    [{ a: 1 }, 'jsonb', '{"a":1}'],
    [{ a: 1 }, 'text', '{"a":1}'],
    [[1, 2], 'jsonb', '[1,2]'],
    [[1, null, 2], 'integer[]', '{"1",null,"2"}'],
    [['a"b', 'c\\d', 'e,f'], 'text[]', '{"a\\"b","c\\\\d","e,f"}'],
    [12n, 'bigint', '12'],
    [true, 'boolean', 'true'],
    [new Date(0), 'timestamp with time zone', '1970-01-01T00:00:00.000Z'],
    [Buffer.from([0, 255]), 'bytea', '\\x00ff'],
  ])('%o as %s', (value, type, text) => expect(columnText(value, type)).toBe(text));
});

describe('who is to blame for a flush that failed', () => {
  const pg = (code: string) => Object.assign(new Error('refused'), { code });

  test.each([
    [
      'transient',
      [
        '08006',
        '57P01',
        '53100',
        '53300',
        '40001',
        '40P01',
        '55P03',
        '57014',
        '25006',
        'EPIPE',
        'ECONNREFUSED',
        '',
      ],
    ],
    ['data', ['22P02', '22021', '23502', '23503', '23505', '23514', '21000', '54000']],
    ['schema', ['42P01', '42703', '42501', '3D000', '28P01', '3F000']],
  ])('%s', (blame, codes) => {
    expect(codes.map((code) => [code, blameOf(pg(code))])).toEqual(codes.map((code) => [code, blame]));
  });

  test('errors of ours, and of nobody', () => {
    expect(blameOf(new SamovarError('E_ENCODE', ''))).toBe('data');
    expect(blameOf(new SamovarError('E_SCHEMA', ''))).toBe('schema');
    expect(blameOf(new SamovarError('E_WRITE_FAILED', ''))).toBe('transient');
    expect(blameOf('thrown')).toBe('transient');
    expect(isOrphan(pg('23503'))).toBe(true);
  });

  test('no value is in the reason', () => {
    const error = Object.assign(new Error('invalid input syntax for type integer: "secret\nvalue"'), {
      code: '22P02',
      detail: 'Failing row contains (secret).',
      constraint: 'item_check',
    });
    expect(reasonOf(error)).toEqual({
      code: '22P02',
      message: 'invalid input syntax for type integer',
      constraint: 'item_check',
    });
  });
});

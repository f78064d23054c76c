import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { argumentKey } from '../../../src/fronts/arguments.ts';
import { isHashed } from '../../../src/key.ts';

const key = argumentKey<readonly unknown[]>("'rates'");
const plain = fc.anything({
  withBigInt: true,
  withDate: true,
  withObjectString: true,
  values: [
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constant('$date'),
  ],
  key: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('$date', '$$', '$bigint', '$undefined')),
  maxDepth: 3,
});

test('a list of arguments comes back as it went in', () => {
  fc.assert(
    fc.property(fc.array(plain), (args) => {
      let text: string;
      try {
        text = key.encode(args);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_KEY' });
        return;
      }
      if (isHashed(text)) return;
      expect(key.encode(key.decode(text))).toBe(text);
      const last = args.findLastIndex((each) => each !== undefined);
      expect(key.decode(text)).toEqual(args.slice(0, last + 1));
    }),
  );
});

test('arguments that are not the same have keys that are not', () => {
  const lists: unknown[][] = [
    [],
    [null],
    [undefined, 1],
    [null, 1],
    ['1'],
    [1],
    [1n],
    [new Date(0)],
    ['1970-01-01T00:00:00.000Z'],
    [{ $date: '1970-01-01T00:00:00.000Z' }],
    [{ $$date: '1970-01-01T00:00:00.000Z' }],
    [Buffer.from('a')],
    ['YQ=='],
    [[]],
    [{}],
    [[], []],
    ['a,b'],
    ['a', 'b'],
    [true],
    ['true'],
  ];
  expect(new Set(lists.map((args) => key.encode(args))).size).toBe(lists.length);
});

test('arguments that are the same have the same key', () => {
  const same = (a: unknown[], b: unknown[]) => expect(key.encode(a)).toBe(key.encode(b));
  same([1], [1, undefined]);
  same([{ a: 1, b: 2 }], [{ b: 2, a: 1 }]);
  same([{ a: 1 }], [{ a: 1, b: undefined }]);
  same([0], [-0]);
  same([new Uint8Array([1, 2])], [Buffer.from([1, 2])]);
});

describe('what no key can name is told by its place', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  test.each([
    [[() => 1], "argument 1 of 'rates' is or holds a function"],
    [[1, Symbol('a')], "argument 2 of 'rates' is or holds a symbol"],
    [[Number.NaN], 'is or holds NaN'],
    [[{ a: [Number.POSITIVE_INFINITY] }], 'is or holds Infinity'],
    [[new Map()], 'is or holds an object of class Map'],
    [[new Date(Number.NaN)], 'an invalid date'],
    [[circle], 'holds itself'],
  ])('no. %#', (args, message) => {
    expect(() => key.encode(args)).toThrowError(
      expect.objectContaining({ code: 'E_KEY', message: expect.stringContaining(message) }),
    );
  });

  test.each(['', '{}', '7', 'plain', '[1'])('%j is no key of arguments', (text) => {
    expect(() => key.decode(text)).toThrowError(expect.objectContaining({ code: 'E_KEY' }));
  });
});

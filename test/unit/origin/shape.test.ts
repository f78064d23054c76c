import { describe, expect, test } from 'vitest';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { key } from '../../../src/key.ts';
import { valuesOf } from '../../../src/origin/shape.ts';

const origin = defineOrigin('db');
const numbers = defineCache('numbers', {
  origin,
  key: key.number,
  ttl: '1m',
  load: <T>(ids: T[]): unknown[] => ids,
});
const texts = defineCache('texts', {
  origin,
  key: key.string,
  ttl: '1m',
  load: <T>(ids: T[]): unknown[] => ids,
});
const of = (answer: unknown, ids: readonly number[] = [1, 2, 3]) =>
  valuesOf(numbers, answer, ids, ids.map(String));

describe('what a loader may answer', () => {
  test('a Map, in whatever order, with more or fewer ids than asked', () => {
    const answer = new Map<unknown, unknown>([
      [3, 'c'],
      [9, 'z'],
      [1, 0],
    ]);
    expect(of(answer)).toEqual([0, undefined, 'c']);
    expect(of(new Map())).toEqual([undefined, undefined, undefined]);
  });

  test('a Map by the text of the ids, as rows of a database have them', () => {
    expect(
      of(
        new Map<unknown, unknown>([
          ['1', 'a'],
          [{}, 'x'],
        ]),
      ),
    ).toEqual(['a', undefined, undefined]);
  });

  test('an array of the same length', () => expect(of(['a', null, 'c'])).toEqual(['a', undefined, 'c']));

  test('an object by key, own properties only', () => {
    expect(of({ 1: 'a', 3: 'c' })).toEqual(['a', undefined, 'c']);
    const awkward = ['__proto__', 'constructor', 'toString'];
    expect(valuesOf(texts, {}, awkward, awkward)).toEqual([undefined, undefined, undefined]);
    expect(valuesOf(texts, JSON.parse('{"__proto__":1}'), awkward, awkward)).toEqual([
      1,
      undefined,
      undefined,
    ]);
    expect(of(Object.assign(Object.create(null), { 2: 'b' }))).toEqual([undefined, 'b', undefined]);
  });
});

describe('what it may not, told with the way out', () => {
  test('rows in an order of their own, when their `id` gives it away', () => {
    const rows = (...ids: unknown[]) => ids.map((id) => ({ id, next: 1 }));
    expect(of(rows(1, 2, 3))).toEqual(rows(1, 2, 3));
    expect(() => of(rows(2, 1, 3))).toThrow(/another order than the ids asked for/);
    // Numbers of some databases are texts to the driver.
    expect(() => of(rows('3', '2', '1'))).toThrow(/another order/);
    // An `id` of something else says nothing.
    expect(of(rows(7, 8, 9))).toEqual(rows(7, 8, 9));
    expect(of([{ id: 2 }, null, { id: 1 }])).toEqual([{ id: 2 }, undefined, { id: 1 }]);
  });

  test('the row of the single id itself', () => {
    expect(() => of({ id: 1, name: 'tea' }, [1])).toThrow(/a single object with id, name/);
    expect(() => valuesOf(texts, { id: 'a', name: 'tea' }, ['a'], ['a'])).toThrow(/a single object/);
    expect(of({ id: 7, name: 'tea' }, [1])).toEqual([undefined]);
    expect(valuesOf(texts, { id: 'x' }, ['id'], ['id'])).toEqual(['x']);
  });

  class Result {
    rows = [];
  }
  test.each<[string, unknown, string, string]>([
    ['nothing', undefined, 'got undefined', '`return`'],
    ['null', null, 'got null', '`return`'],
    ['one value', 'a', 'got a string', 'an array of one'],
    ['an array of another length', ['a'], 'got an array of 1 for 3 ids', 'a Map from id to value'],
    ["a database's result", new Result(), 'got an object of class Result', 'its rows'],
    ['a Set', new Set([1]), 'got an object of class Set', 'an array of one'],
  ])('%s', (_, answer, got, hint) => {
    expect(() => of(answer)).toThrow(
      expect.objectContaining({
        code: 'E_LOAD_SHAPE',
        message: expect.stringMatching(new RegExp(`caches\\.numbers\\.load.*${got}`)),
        hints: [expect.stringContaining(hint)],
      }),
    );
  });
});

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

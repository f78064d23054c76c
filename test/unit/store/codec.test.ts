import { describe, expect, test } from 'vitest';
import { encoded } from '../../../src/define.ts';
import { decode, encode } from '../../../src/store/codec.ts';

const circular: Record<string, unknown> = {};
circular['self'] = circular;

describe('the codec', () => {
  test.each([
    [0],
    [''],
    [false],
    [[]],
    [{ a: [1, { b: null }] }],
    ['\u{1f525} " \\ \n'],
    [JSON.parse('{"__proto__":1}')],
  ])('brings back %j', (value) => expect(decode(encode('shop', value))).toEqual(value));

  test('passes text on that is JSON already', () => {
    expect(encode('shop', encoded('{"a": 1}'))).toBe('{"a": 1}');
  });

  test.each([
    ['a function', () => 1, 'it is a function'],
    ['a symbol', Symbol('x'), 'it is a symbol'],
    ['a bigint', 10n, 'BigInt'],
    ['NaN', Number.NaN, 'it is NaN'],
    ['a Map', new Map(), 'it is a Map'],
    ['a circle', circular, 'circular structure'],
    ['text that is none', encoded(5 as unknown as string), 'instead of a text'],
  ])('refuses %s and says why', (_, value, why) => {
    expect(() => encode('shop', value)).toThrow(
      expect.objectContaining({ code: 'E_ENCODE', message: expect.stringContaining(why) }),
    );
    expect(() => encode('shop', value)).toThrow('caches.shop');
  });
});

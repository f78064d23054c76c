import { describe, expect, test } from 'vitest';
import {
  commonOperation,
  isOperation,
  maker,
  makerOf,
  newOperation,
  operationOf,
} from '../../../src/dirty/operation.ts';

describe('an operation', () => {
  test('has a name that can be told from a body, and from a key', () => {
    expect(['a', 'A_-9', 'x'.repeat(22)].map(isOperation)).toEqual([true, true, true]);
    expect(['', 'x'.repeat(23), 'a b', 'é', 'a.b', '.'].map(isOperation)).toEqual(Array(6).fill(false));
    expect(isOperation(newOperation().name)).toBe(true);
    expect(() => operationOf('a b')).toThrow(/E_USAGE|22 letters/);
  });

  test('tells who made its name, unless an application did', () => {
    const { name } = newOperation();
    expect(makerOf(name)).toBe(maker);
    expect(newOperation().name).not.toBe(name);
    expect([makerOf('order-17'), makerOf('x'.repeat(22))]).toEqual([undefined, undefined]);
  });

  test('of several writes is known of each, and of one only when its name was given', () => {
    const common = commonOperation(2, undefined);
    expect(common.isRepeated).toBe(true);
    expect(makerOf(common.name)).toBeUndefined();
    expect(isOperation(common.name)).toBe(true);
    expect(commonOperation(1, undefined).isRepeated).toBe(false);
    expect(commonOperation(2, 'mine')).toEqual({ name: 'mine', isRepeated: true });
    expect(operationOf('mine')).toEqual({ name: 'mine', isRepeated: true });
  });
});

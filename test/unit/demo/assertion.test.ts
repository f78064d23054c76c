import { describe, expect, test } from 'vitest';
import { assertFigures, readAssertion } from '../../../src/demo/assertion.ts';

const known = ['hit_ratio_first_5m', 'p99_ms'];

describe('an assertion', () => {
  test.each([
    ['hit_ratio_first_5m>=0.8', 0.8, true],
    ['hit_ratio_first_5m >= 80%', 0.8, true],
    ['hit_ratio_first_5m>0.8', 0.8, false],
    ['hit_ratio_first_5m<=0.8', 0.81, false],
    ['hit_ratio_first_5m<0.8', 0.79, true],
  ])('%s is checked', (text, value, met) => {
    const figures = { hit_ratio_first_5m: value, p99_ms: 1 };
    expect(assertFigures([readAssertion(text, known)], figures)).toEqual([{ text, value, met }]);
  });

  test.each(['hit_ratio_first_5m', 'hit_ratio_first_5m=>1', '>=1', 'p99_ms>=fast'])('%s is none', (text) => {
    expect(() => readAssertion(text, known)).toThrow(/expected --assert to be like/);
  });

  test('of an unknown figure names the nearest and all known', () => {
    expect(() => readAssertion('hit_ratio_first_5>=1', known)).toThrow(
      expect.objectContaining({
        code: 'E_USAGE',
        message: expect.stringContaining("did you mean 'hit_ratio_first_5m'?"),
        hints: ['known figures: hit_ratio_first_5m, p99_ms'],
      }),
    );
  });
});

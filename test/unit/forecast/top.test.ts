import fc from 'fast-check';
import { expect, test } from 'vitest';
import { topOf } from '../../../src/forecast/top.ts';

test('the largest values first, of equals the first, none that is not above 0', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 70 }),
      (values, most) => {
        const all = values.map((value, i) => ({ value, i })).filter(({ value }) => value > 0);
        all.sort((a, b) => b.value - a.value || a.i - b.i);
        expect(topOf(Float64Array.from(values), most)).toEqual(all.slice(0, most).map(({ i }) => i));
      },
    ),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addTo, copyOf, createLine, type Line } from '../../../src/forecast/line.ts';

const held = ({ keys, times, head, tail }: Line) =>
  Array.from(keys.subarray(head, tail), (key, i) => [key, times[head + i]]);

test('what was put in first comes first, however much passes through, and a copy goes its own way', () => {
  const step = fc.record({
    add: fc.integer({ min: 0, max: 3_000 }),
    take: fc.integer({ min: 0, max: 3_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let line = createLine();
      const wanted: [number, number][] = [];
      let next = 0;
      for (const { add, take } of steps) {
        for (let i = 0; i < add; i++, next++) {
          addTo(line, next % 50, next / 2);
          wanted.push([next % 50, next / 2]);
        }
        const taken = Math.min(take, line.tail - line.head);
        line.head += taken;
        wanted.splice(0, taken);
        const before = line;
        line = copyOf(line);
        addTo(before, -1, -1);
        expect(held(line)).toEqual(wanted);
      }
    }),
    { numRuns: 40 },
  );
});

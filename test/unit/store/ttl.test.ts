import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jittered } from '../../../src/store/ttl.ts';

test('an entry never lives longer than its ttl, nor shorter than the jitter allows, and always the same time', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.string(),
      (ttl, jitter, key) => {
        const ms = jittered(ttl, jitter, key);
        expect(ms).toBeLessThanOrEqual(ttl);
        expect(ms).toBeGreaterThanOrEqual(Math.max(1, Math.floor(ttl * (1 - jitter))));
        expect(jittered(ttl, jitter, key)).toBe(ms);
        expect(Number.isInteger(ms)).toBe(true);
      },
    ),
  );
});

test('a thousand keys that are warmed together expire apart', () => {
  const bins = new Array<number>(10).fill(0);
  for (let i = 0; i < 1_000; i++)
    bins[Math.min(9, Math.floor((600_000 - jittered(600_000, 0.1, String(i))) / 6_000))]! += 1;
  for (const bin of bins) expect(bin).toBeGreaterThan(60);
});

test('no jitter is the plain ttl', () => expect(jittered(1_234, 0, 'key')).toBe(1_234));

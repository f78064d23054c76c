import { expect, test } from 'vitest';
import { isDueEarly } from '../../../src/cache/early.ts';
import { entryBytes, writeEntry } from '../../../src/store/entry.ts';

const filledAt = 1_000_000;
const freshUntil = filledAt + 60_000;

const entry = (loadMs: number): Buffer => {
  const content = { row: 0, tags: '', body: '1', flags: 0 };
  const bytes = Buffer.alloc(entryBytes({ tags: '', bytes: 1 }));
  writeEntry(bytes, 0, { filledBy: 'r', filledAt, seq: 0, plan: 0, loadMs }, freshUntil, freshUntil, content);
  return bytes;
};
const due = (leftMs: number, chance: number, { loadMs = 100, beta = 1, typicalMs = 0 } = {}) =>
  isDueEarly(entry(loadMs), {
    now: freshUntil - leftMs,
    loadMs: typicalMs,
    beta,
    chance: () => chance,
  });

test('the nearer the end, the likelier; at the end it is sure', () => {
  // An even chance is worth 0.69 load times.
  expect([due(70, 0.5), due(69, 0.5)]).toEqual([false, true]);
  expect([due(300, 0.95), due(299, 0.95)]).toEqual([false, true]);
  expect(due(0, 0)).toBe(true);
  expect(due(1, 0)).toBe(false);
});

test('loads of less than a second count', () => {
  expect(due(1, 0.9, { loadMs: 0.5 })).toBe(true);
  expect(due(2, 0.9, { loadMs: 0.5 })).toBe(false);
});

test('what loads take lately counts when it is more than the entry knows', () => {
  expect(due(600, 0.5)).toBe(false);
  expect(due(600, 0.5, { typicalMs: 1_000 })).toBe(true);
});

test('a greater factor begins earlier, and far from the end nobody asks chance', () => {
  expect(due(130, 0.5, { beta: 2 })).toBe(true);
  expect(due(2_001, 0.999_999_999_999)).toBe(false);
});

test('an entry that should be gone tells of another clock, and of nothing else', () => {
  expect(due(-1_000, 0)).toBe(true);
  expect(due(-1_001, 0.999)).toBe(false);
});

test('an entry just filled is left alone', () => {
  expect(due(54_001, 0.99, { loadMs: 50_000 })).toBe(false);
  expect(due(53_999, 0.99, { loadMs: 50_000 })).toBe(true);
});

test('of a thousand readers few begin too early, and hardly any too late', () => {
  let random = 1;
  const chance = () => {
    random = (random * 48_271) % 2_147_483_647;
    return random / 2_147_483_647;
  };
  const begun: number[] = [];
  for (let reader = 0; reader < 1_000; reader++) {
    for (let left = 3_000; left >= 0; left -= 100) {
      if (!isDueEarly(entry(100), { now: freshUntil - left, loadMs: 0, beta: 1, chance })) continue;
      begun.push(left);
      break;
    }
  }
  expect(begun).toHaveLength(1_000);
  const mean = begun.reduce((sum, left) => sum + left, 0) / begun.length;
  expect(mean).toBeGreaterThan(50);
  expect(mean).toBeLessThan(150);
});

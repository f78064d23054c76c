import { describe, expect, test } from 'vitest';
import { createKept } from '../../../src/outage/kept.ts';

const made = (most = 100) => createKept({ most, tagged: ['labelled', 'others'] });

describe('kept invalidations', () => {
  test('are the last of each key, and known by their cache', () => {
    const kept = made();
    kept.keep('a', ['1', '2', '1']);
    kept.keep('a', ['1']);
    expect(kept.size).toBe(2);
    expect([kept.has('a', '1'), kept.has('b', '1'), kept.has('a', '3')]).toEqual([true, false, false]);
  });

  test('that were wanted again while they were carried out stay', () => {
    const kept = made();
    kept.keep('a', ['1', '2']);
    kept.keepTags(['x', 'y']);
    kept.keepAll('b');
    const some = kept.all();
    kept.keep('a', ['2']);
    kept.keepTags(['y']);
    kept.keepAll('b');
    kept.done(some);
    expect([
      kept.has('a', '1'),
      kept.has('a', '2'),
      kept.hasTag('x'),
      kept.hasTag('y'),
      kept.has('b', '9'),
    ]).toEqual([false, true, false, true, true]);
    kept.done(kept.all());
    expect(kept.size).toBe(0);
    expect(kept.keep('a', ['1'])).toBe(true);
  });

  test('beyond the bound void their cache and no other', () => {
    const kept = made(3);
    kept.keep('b', ['1']);
    expect(kept.keep('a', ['1', '2', '3'])).toBe(false);
    expect([kept.has('a', 'any'), kept.has('b', '1'), kept.has('b', '2')]).toEqual([true, true, false]);
    expect(kept.all()).toMatchObject({ caches: ['a'], tags: [] });
    kept.keep('a', ['4']);
    expect(kept.size).toBe(2);
  });

  test('of tags beyond the bound void every cache that carries tags', () => {
    const kept = made(2);
    expect(kept.keepTags(['x', 'y', 'z'])).toBe(false);
    expect(kept.all()).toMatchObject({ caches: ['labelled', 'others'], tags: [] });
    expect(kept.has('a', '1')).toBe(false);
  });
});

import { expect, test } from 'vitest';
import { isDead, isExpired } from '../../../src/tags/tags.ts';

const marks = {
  spared: new Map([['s', 110]]),
  from: 100,
  seq: 200,
  tags: new Map([
    ['a', 150],
    ['b', 120],
  ]),
};

test('an entry is dead when any of its tags was invalidated after its load began', () => {
  expect(isDead(149, ['a'], marks)).toBe(true);
  expect(isDead(150, ['a'], marks)).toBe(false);
  expect(isDead(130, ['b', 'never'], marks)).toBe(false);
  expect(isDead(130, ['b', 'a'], marks)).toBe(true);
  expect(isDead(130, [], marks)).toBe(false);
});

test('an entry of another clock is dead, with tags or without', () => {
  expect(isDead(99, [], marks)).toBe(true);
  expect(isDead(100, [], marks)).toBe(false);
  expect(isDead(200, [], marks)).toBe(false);
  expect(isDead(201, [], marks)).toBe(true);
});

test('a tag that was only expired leaves what is stale', () => {
  // s: purged at 110, expired at 140.
  const expired = { ...marks, tags: new Map([...marks.tags, ['s', 140]]) };
  expect([isDead(109, ['s'], expired), isDead(110, ['s'], expired)]).toEqual([true, false]);
  expect([isExpired(139, ['s'], expired), isExpired(140, ['s'], expired)]).toEqual([true, false]);
});

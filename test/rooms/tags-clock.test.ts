import { beforeEach, expect, test } from 'vitest';
import { readLua } from '../../src/files.ts';
import { createRedisTags, tagsKey } from '../../src/tags/redis.ts';
import { isDead } from '../../src/tags/tags.ts';
import { redis, until } from '../support/index.ts';

const cache = await redis('cache');
beforeEach(() => cache.flush());
const tags = createRedisTags(cache.client, { prefix: 'test', keepMs: 60_000 });
const key = tagsKey('test');

test('the clock starts above every number it may have given out before, and only goes forward', async () => {
  const first = await tags.seq();
  const [seconds] = await cache.client.time();
  expect(first).toBeGreaterThan((Number(seconds) - 60) * 1_000_000);
  expect(await tags.seq()).toBe(first);
  await tags.invalidate(['a']);
  expect(await tags.seq()).toBe(first + 1);
  await cache.flush();
  expect(await tags.seq()).toBeGreaterThan(first + 1);
});

test('tags of one call are invalidated together, those not named stay', async () => {
  const before = await tags.seq();
  await tags.invalidate(['a', 'b', 'a', 'with space', '\u{1f525}', 'seq']);
  const marks = await tags.marks(['a', 'b', 'c', 'with space', '\u{1f525}', 'seq']);
  expect(Object.fromEntries(marks.tags)).toEqual({
    a: before + 1,
    b: before + 1,
    'with space': before + 1,
    '\u{1f525}': before + 1,
    seq: before + 1,
  });
  expect(isDead(before, ['a'], marks)).toBe(true);
  expect(isDead(before, ['c'], marks)).toBe(false);
  expect(isDead(before + 1, ['a'], marks)).toBe(false);
});

test('thousands of tags in one call', async () => {
  const many = Array.from({ length: 3_000 }, (_, i) => `tag ${i}`);
  const before = await tags.seq();
  await tags.invalidate(many);
  const marks = await tags.marks(many);
  expect(marks.tags.size).toBe(3_000);
  for (const tag of many) expect(isDead(before, [tag], marks)).toBe(true);
  await tags.invalidate([]);
});

test('without a clock nothing is alive', async () => {
  expect(isDead(5, [], await tags.marks([]))).toBe(true);
  expect(isDead(Number.MAX_SAFE_INTEGER, ['a'], await tags.marks(['a']))).toBe(true);
});

test('a clock that was lost leaves what is older than it dead', async () => {
  const before = await tags.seq();
  await cache.flush();
  await tags.seq();
  expect(isDead(before, [], await tags.marks([]))).toBe(true);
});

test('markers are forgotten only when no entry can be as old as they are', async () => {
  const short = createRedisTags(cache.client, { prefix: 'test', keepMs: 300 });
  expect(await short.prune()).toBe(0);
  await short.invalidate(Array.from({ length: 1_200 }, (_, i) => `old ${i}`));
  expect(await short.prune()).toBe(0);
  expect(await cache.client.hlen(key)).toBeGreaterThan(1_200);
  let pruned = 0;
  await until(
    async () => {
      await short.invalidate(['young']);
      pruned += await short.prune();
      return pruned >= 1_200;
    },
    'the old markers are gone',
    { everyMs: 20 },
  );
  expect(pruned).toBe(1_200);
  const marks = await short.marks(['young', 'old 7']);
  expect([...marks.tags.keys()]).toEqual(['young']);
  // A tag that is invalidated again and again is young.
  expect(marks.tags.get('young')).toBe(marks.seq);
});

test('what the clock remembers of itself stays small', async () => {
  const short = createRedisTags(cache.client, { prefix: 'test', keepMs: 100 });
  await short.seq();
  for (let i = 0; i < 500; i++) await short.prune();
  expect((await cache.client.hget(key, 'seen'))!.length).toBeLessThan(110 * 40);
});

test('a marker that was set anew is kept, and the longest time that was ever asked for holds', async () => {
  const [prune, cut] = ['tags-prune', 'tags-cut'].map((name) => readLua(name));
  await cache.client.hset(key, { seq: 50, 't:old': 10, 't:edge': 20, 't:new': 21 });
  expect(await cache.client.eval(prune!, 1, key, 20, 't:old', 't:edge', 't:new', 't:gone')).toBe(2);
  expect(Object.keys(await cache.client.hgetall(key)).sort()).toEqual(['seq', 't:new']);

  const [seconds] = await cache.client.time();
  const now = Number(seconds) * 1_000;
  const note = (ago: number, seq: number) => `${now - ago}:${seq}`;
  await cache.client.hset(key, 'seen', [note(90_000, 30), note(50_000, 40), note(10_000, 45)].join(' '));
  expect(await cache.client.eval(cut!, 1, key, 60_000)).toBe('30');
  // An older configuration kept entries for a minute: a shorter one must not forget sooner.
  expect(await cache.client.eval(cut!, 1, key, 5_000)).toBe('30');
  expect(await cache.client.eval(cut!, 1, key, 3_600_000)).toBeNull();
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { headOf, isNegative, textOf } from '../../src/store/entry.ts';
import type { Batch, Draft, Store } from '../../src/store/store.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Another process's view of the same entries. */
  readonly other: Store;
  flush(): Promise<void>;
}

const lease = (token: string, ms = 60_000) => ({ token, ms });
const batch = (token: string, more: Partial<Batch> = {}): Batch => ({
  cache: 'shop',
  token,
  isTagged: false,
  filledBy: 'w',
  filledAt: 1_000,
  seq: 0,
  plan: 4,
  loadMs: 1.5,
  ...more,
});
const draft = (key: string, text: string | undefined = `"${key}"`, more: Partial<Draft> = {}): Draft => ({
  key,
  body: text,
  flags: 0,
  bytes: Buffer.byteLength(text ?? ''),
  tags: '',
  ttlMs: 60_000,
  graceMs: 0,
  row: 2,
  ...more,
});
const negative = (key: string): Draft => ({ ...draft(key), body: undefined, bytes: 0 });
/** As a reader does it. */
const read = async (store: Store, cache: string, key: string): Promise<Buffer | undefined> => {
  const { found, place } = store.get(cache, key);
  return (await found)[place];
};
const text = (bytes: Buffer | undefined) => bytes && textOf(bytes);

/** Keys that have gone wrong somewhere before. */
const awkwardKeys = [
  'plain',
  'with space',
  'line\nbreak\r\n',
  '{}',
  '{brace}',
  '}e:{',
  'quo"te\\',
  'ключ-键-\u{1f525}',
  '__proto__',
  'a:b:c',
  '\u0000nul',
  'k'.repeat(8_192),
];

/** What every store promises. */
export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store: ${name}`, () => {
    let store: Store;
    let other: Store;
    let made: StoreUnderTest | undefined;

    beforeEach(async () => {
      made ??= await open();
      ({ store, other } = made);
    });
    afterEach(() => made!.flush());

    const fill = async (drafts: readonly Draft[], token = 'token', more: Partial<Batch> = {}) => {
      const keys = drafts.map(({ key }) => key);
      expect(await store.begin('shop', keys, lease(token), { want: 'head' })).toEqual(keys.map(() => 'own'));
      return store.commit(batch(token, more), drafts);
    };

    test('has nothing at first', async () => {
      expect(await read(store, 'shop', 'a')).toBeUndefined();
      expect(await store.getMany('shop', ['a', 'b'])).toEqual([undefined, undefined]);
      expect(await store.heads('shop', ['a', 'b'])).toEqual([undefined, undefined]);
    });

    test('gives back what was written under a lease, by position', async () => {
      expect(await fill([draft('a'), draft('b', '[1]')])).toEqual(['written', 'written']);
      expect(text(await read(other, 'shop', 'a'))).toBe('"a"');
      expect((await other.getMany('shop', ['b', 'none', 'a', 'b'])).map(text)).toEqual([
        '[1]',
        undefined,
        '"a"',
        '[1]',
      ]);
      expect(headOf((await read(store, 'shop', 'a'))!)).toMatchObject({
        filledBy: 'w',
        plan: 4,
        row: 2,
        filledAt: 1_000,
      });
    });

    test.each(awkwardKeys.map((key) => [key.slice(0, 20), key] as const))(
      'holds a value for the key %j',
      async (_, key) => {
        await fill([draft(key, '1'), draft(`${key}!`, '2')]);
        expect(text(await read(store, 'shop', key))).toBe('1');
        expect((await store.getMany('shop', [`${key}!`, key])).map(text)).toEqual(['2', '1']);
        await store.delete('shop', [key]);
        expect((await store.getMany('shop', [`${key}!`, key])).map(text)).toEqual(['2', undefined]);
      },
    );

    test('keeps caches apart', async () => {
      await fill([draft('a')]);
      expect(await read(store, 'shops', 'a')).toBeUndefined();
    });

    test('remembers that there is no value', async () => {
      await fill([negative('a')]);
      expect(isNegative((await read(store, 'shop', 'a'))!)).toBe(true);
    });

    test('forgets an entry when its ttl is over', async () => {
      await fill([draft('short', '1', { ttlMs: 30 }), draft('long')]);
      await expect.poll(() => read(store, 'shop', 'short')).toBeUndefined();
      expect(text(await read(store, 'shop', 'long'))).toBe('"long"');
    });

    test('tells heads without values', async () => {
      await fill([draft('a', `"${'x'.repeat(5_000)}"`, { tags: '["t1","t2"]' }), draft('b', '1')], 'token', {
        seq: 12,
      });
      const [a, none, b] = await other.heads('shop', ['a', 'none', 'b']);
      expect(headOf(a!)).toMatchObject({ tags: ['t1', 't2'], seq: 12, freshUntil: 61_000 });
      expect(a!.length).toBeLessThan(100);
      expect(none).toBeUndefined();
      expect(headOf(b!)).toMatchObject({ tags: [] });
    });

    test('gives each lease to one asker', async () => {
      expect(await store.begin('shop', ['a', 'b'], lease('one'), { want: 'head' })).toEqual(['own', 'own']);
      expect(await other.begin('shop', ['b', 'c'], lease('two'), { want: 'head' })).toEqual(['busy', 'own']);
      // Asked again by its holder, as after a lost reply.
      expect(await store.begin('shop', ['a'], lease('one'), { want: 'head' })).toEqual(['own']);
    });

    test('refuses a writer without the lease', async () => {
      await store.begin('shop', ['a'], lease('one'), { want: 'head' });
      expect(await other.commit(batch('two'), [draft('a'), draft('never-begun')])).toEqual(['lost', 'lost']);
      expect(await store.getMany('shop', ['a', 'never-begun'])).toEqual([undefined, undefined]);
      expect(await store.commit(batch('one'), [draft('a')])).toEqual(['written']);
    });

    test('takes the lease back with the write', async () => {
      await fill([draft('a')], 'one');
      expect(await store.commit(batch('one'), [draft('a', '2')])).toEqual(['lost']);
      expect(text(await read(store, 'shop', 'a'))).toBe('"a"');
    });

    test('a deleted key cannot be written by who began before', async () => {
      await store.begin('shop', ['a', 'b'], lease('one'), { want: 'head' });
      await other.delete('shop', ['a']);
      expect(await store.commit(batch('one'), [draft('a'), draft('b')])).toEqual(['lost', 'written']);
      expect(await read(store, 'shop', 'a')).toBeUndefined();
    });

    test('an overtaken lease writes nothing, and does not take the successor its own', async () => {
      await store.begin('shop', ['a'], lease('one', 20), { want: 'head' });
      await expect.poll(() => other.begin('shop', ['a'], lease('two'), { want: 'head' })).toEqual(['own']);
      expect(await store.commit(batch('one'), [draft('a', '1')])).toEqual(['lost']);
      expect(await other.commit(batch('two'), [draft('a', '2')])).toEqual(['written']);
      expect(text(await read(store, 'shop', 'a'))).toBe('2');
    });

    test('answers with an entry instead of a lease', async () => {
      await fill([draft('a')]);
      const [whole] = await store.begin('shop', ['a'], lease('two'), { want: 'value' });
      expect(text(whole as Buffer)).toBe('"a"');
      const [head, own] = await store.begin('shop', ['a', 'b'], lease('two'), { want: 'head' });
      expect(headOf(head as Buffer)).toMatchObject({ plan: 4 });
      expect(own).toBe('own');
    });

    test('an entry that is known to be of no use is looked past, its successor is not', async () => {
      await fill([draft('a')]);
      const seen = (await read(store, 'shop', 'a'))!;
      const options = { want: 'value', past: [seen.subarray(0, 42)] } as const;
      expect(await store.begin('shop', ['a'], lease('two'), options)).toEqual(['own']);
      await store.commit(batch('two', { filledAt: 2_000 }), [draft('a', '2')]);
      const [newer] = await other.begin('shop', ['a'], lease('three'), options);
      expect(text(newer as Buffer)).toBe('2');
    });

    test('takes the lease whatever there is when told to', async () => {
      await fill([draft('a')]);
      expect(await store.begin('shop', ['a'], lease('two'), { want: 'none' })).toEqual(['own']);
      expect(await store.commit(batch('two'), [draft('a', '2')])).toEqual(['written']);
      expect(text(await read(store, 'shop', 'a'))).toBe('2');
    });

    test('gives leases back without writing, and tells which were still held', async () => {
      await store.begin('shop', ['a', 'b'], lease('one'), { want: 'head' });
      await other.delete('shop', ['b']);
      expect(await store.abort('shop', ['a', 'b', 'c'], 'one')).toEqual([true, false, false]);
      expect(await other.begin('shop', ['a', 'b'], lease('two'), { want: 'head' })).toEqual(['own', 'own']);
      expect(await store.abort('shop', ['a'], 'one')).toEqual([false]);
      expect(await other.commit(batch('two'), [draft('a')])).toEqual(['written']);
    });

    test('a thousand keys at once, by position', async () => {
      const keys = Array.from({ length: 1_000 }, (_, i) => `key ${i}`);
      await store.begin('shop', [keys[500]!], lease('other'), { want: 'head' });
      const begun = await store.begin('shop', keys, lease('one'), { want: 'head' });
      expect(begun.filter((each) => each === 'own')).toHaveLength(999);
      expect(begun[500]).toBe('busy');
      const served: number[] = [];
      const heard: string[] = [];
      const done = await store.commit(
        batch('one'),
        keys.map((key, i) => draft(key, String(i))),
        {
          pace: { pieceBytes: 4_096, run: async (send) => served.push((await send()).servedAt) },
          heard: (position, result) => {
            heard[position] = result;
          },
        },
      );
      expect(heard).toEqual(done);
      expect(done.filter((each) => each === 'written')).toHaveLength(999);
      expect(done[500]).toBe('lost');
      expect(served.length).toBeGreaterThan(7);
      for (const at of served) expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
      const found = await other.getMany('shop', keys);
      expect(found.map(text)).toEqual(keys.map((_, i) => (i === 500 ? undefined : String(i))));
      await store.delete('shop', keys);
      expect((await other.getMany('shop', keys)).filter(Boolean)).toEqual([]);
    });

    test('sets an entry whatever lease there is, and its holder writes nothing', async () => {
      await store.begin('shop', ['a'], lease('one'), { want: 'head' });
      await other.set(batch('', { filledBy: 's' }), [draft('a', '"set"'), draft('b', '1')]);
      expect(await store.commit(batch('one'), [draft('a', '"late"')])).toEqual(['lost']);
      expect((await store.getMany('shop', ['a', 'b'])).map(text)).toEqual(['"set"', '1']);
      expect(headOf((await read(store, 'shop', 'a'))!)).toMatchObject({ filledBy: 's' });
      expect(await store.begin('shop', ['a', 'c'], lease('two'), { want: 'head' })).toEqual([
        expect.any(Buffer),
        'own',
      ]);
    });

    test('keeps an entry for its ttl and its grace', async () => {
      await fill([draft('a', '1', { ttlMs: 30, graceMs: 60_000 }), draft('b', '1', { ttlMs: 30 })]);
      await expect.poll(() => read(store, 'shop', 'b')).toBeUndefined();
      expect(headOf((await read(store, 'shop', 'a'))!)).toMatchObject({
        freshUntil: 1_030,
        staleUntil: 61_030,
      });
    });

    test('expires what may be served stale, and removes the rest with all leases', async () => {
      await fill([draft('a', '1', { graceMs: 60_000 }), draft('b'), negative('c')]);
      await store.begin('shop', ['a', 'd'], lease('one'), { want: 'none' });
      await other.expire('shop', ['a', 'b', 'c', 'd']);
      const [a, ...rest] = await store.getMany('shop', ['a', 'b', 'c', 'd']);
      expect(headOf(a!)).toMatchObject({ freshUntil: 0, staleUntil: 121_000 });
      expect(text(a)).toBe('1');
      expect(rest).toEqual([undefined, undefined, undefined]);
      expect(await store.commit(batch('one'), [draft('a'), draft('d')])).toEqual(['lost', 'lost']);
    });

    test('lets an entry live longer that is still the same', async () => {
      await fill([draft('a', '1', { ttlMs: 1_000 }), draft('b', '1', { ttlMs: 1_000 })]);
      const [a, b] = await store.getMany('shop', ['a', 'b']);
      const longer = { at: 2_000, ttlMs: 60_000, graceMs: 5_000 };
      await other.delete('shop', ['b']);
      await fill([draft('b', '2', { ttlMs: 1_000 })], 'again');
      await other.touch('shop', [
        { key: 'a', past: a!, ...longer },
        { key: 'b', past: b!, ...longer },
        { key: 'none', past: b!, ...longer },
      ]);
      const [first, second, none] = await store.getMany('shop', ['a', 'b', 'none']);
      expect(headOf(first!)).toMatchObject({ freshUntil: 62_000, staleUntil: 67_000 });
      expect(text(first)).toBe('1');
      expect(headOf(second!)).toMatchObject({ freshUntil: 2_000 });
      expect(none).toBeUndefined();
    });

    test('a lease at rest is busy for a refresh and free for who needs the key', async () => {
      await store.begin('shop', ['a'], lease('one'), { want: 'refresh' });
      expect(await store.abort('shop', ['a'], 'one', 60_000)).toEqual([true]);
      expect(await store.commit(batch('one'), [draft('a')])).toEqual(['lost']);
      expect(await other.begin('shop', ['a', 'b'], lease('two'), { want: 'refresh' })).toEqual([
        'busy',
        'own',
      ]);
      expect(await other.begin('shop', ['a'], lease('three'), { want: 'value' })).toEqual(['own']);
      expect(await other.commit(batch('three'), [draft('a', '3')])).toEqual(['written']);
    });

    test('a lease does not rest for longer than it was told', async () => {
      await store.begin('shop', ['a'], lease('one'), { want: 'refresh' });
      await store.abort('shop', ['a'], 'one', 50);
      await expect.poll(() => other.begin('shop', ['a'], lease('two'), { want: 'refresh' })).toEqual(['own']);
    });

    test('tells about memory', async () => {
      const memory = await store.memory();
      expect(memory.usedBytes).toBeGreaterThan(100_000);
      expect(memory.policy).toMatch(/lfu|noeviction/);
      expect(memory.evicted).toBeGreaterThanOrEqual(0);
    });
  });
}

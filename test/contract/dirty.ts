import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dirty, DirtyEntry, DirtyWrite, Marks, Written } from '../../src/dirty/dirty.ts';

export interface DirtyUnderTest {
  readonly dirty: Dirty;
  /** Another process's view of the same buffer. */
  readonly other: Dirty;
  flush(): Promise<void>;
}

const open: Marks = { soft: 1_000, hard: 2_000 };
let made = 0;
const put = (
  key: string,
  body: string | Buffer = `"${key}"`,
  more: Partial<DirtyWrite> = {},
): DirtyWrite => ({
  key,
  form: { body, flags: 0 },
  operation: `op${++made}`,
  ...more,
});
const deletion = (key: string): DirtyWrite => ({ ...put(key), form: undefined });
const text = (entry: Pick<DirtyEntry, 'form'> | undefined) => entry?.form && String(entry.form.body);
const versionOf = (written: Written): number => (written as { version: number }).version;
const reason = { code: '22P05', message: 'no such character' };

/** Keys that have gone wrong somewhere before. */
const awkwardKeys = [
  'plain',
  'with space',
  'line\r\n',
  '{}',
  '}e:{',
  'ключ-\u{1f525}',
  '__proto__',
  '\u0000nul',
  '1',
];

/** What every buffer of dirty writes promises. */
export function describeDirty(name: string, start: () => Promise<DirtyUnderTest>): void {
  describe(`dirty: ${name}`, () => {
    let dirty: Dirty;
    let other: Dirty;
    let under: DirtyUnderTest | undefined;

    beforeEach(async () => {
      under ??= await start();
      ({ dirty, other } = under);
    });
    afterEach(() => under!.flush());

    const everywhere = () => Array.from({ length: dirty.partitions }, (_, p) => p);
    const write = (one: DirtyWrite, marks = open) => dirty.write('shop', one, marks);
    const claim = (most = 1_000, olderThanMs = 0) =>
      dirty.claim('shop', { partitions: everywhere(), most, olderThanMs });
    const balanced = async () => expect((await dirty.ledger('shop')).difference).toBe(0);

    test('holds nothing at first', async () => {
      expect(await dirty.read('shop', ['a', 'b'])).toEqual([undefined, undefined]);
      expect((await claim()).rows).toEqual([]);
      expect(await dirty.ledger('shop')).toMatchObject({ accepted: 0, pending: 0, difference: 0, lagMs: 0 });
    });

    test('gives back what was written, to all, by position', async () => {
      await Promise.all([
        write(put('a', '[1]')),
        write(deletion('b')),
        write(put('c', Buffer.from([0, 255]))),
      ]);
      const [c, none, b, a] = await other.read('shop', ['c', 'none', 'b', 'a']);
      expect(text(a)).toBe('[1]');
      expect(b).toMatchObject({ form: undefined });
      expect(none).toBeUndefined();
      expect(c!.form!.body).toEqual(Buffer.from([0, 255]));
      expect(await other.read('stall', ['a'])).toEqual([undefined]);
    });

    test('knows awkward keys apart', async () => {
      await Promise.all(awkwardKeys.map((key) => write(put(key, JSON.stringify(key)))));
      const found = await other.read('shop', awkwardKeys);
      expect(found.map((entry) => JSON.parse(text(entry)!))).toEqual(awkwardKeys);
      const { rows } = await claim();
      expect(rows.map(({ key }) => key).sort()).toEqual([...awkwardKeys].sort());
      expect(await dirty.ack('shop', rows, 0)).toBe(awkwardKeys.length);
    });

    test('gives later writes of a key higher versions, and keeps the last alone', async () => {
      const versions: number[] = [];
      for (let i = 0; i < 20; i++)
        versions.push(versionOf(await (i % 2 ? other : dirty).write('shop', put('a', `${i}`), open)));
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(new Set(versions).size).toBe(20);
      const { rows } = await claim();
      expect(rows.map((row) => [row.key, text(row), row.version])).toEqual([['a', '19', versions.at(-1)]]);
      expect(await dirty.ledger('shop')).toMatchObject({
        accepted: 20,
        coalesced: 19,
        pending: 1,
        difference: 0,
      });
    });

    test('keeps the order of writes of one tick', async () => {
      const all = await Promise.all(Array.from({ length: 10 }, (_, i) => write(put('a', `${i}`))));
      const versions = all.map(versionOf);
      expect(versions).toEqual([...versions].sort((a, b) => a - b));
      expect(text((await dirty.read('shop', ['a']))[0])).toBe('9');
    });

    test('gives no version below a floor', async () => {
      const floor = 9_000_000_000_000_000 - 5;
      await dirty.raise('shop', new Map([[dirty.partitionOf('a'), floor]]));
      expect(versionOf(await write(put('a')))).toBeGreaterThan(floor);
      expect(await dirty.version('shop', 'a')).toBeGreaterThan(floor + 1);
    });

    test('does a repeated write once', async () => {
      const one = put('a', '1', { isRepeated: true });
      const first = await write(one);
      expect(await write(one)).toEqual({ ...first, isKnown: true });
      expect(versionOf(await write(put('a', '2')))).toBeGreaterThan(versionOf(first));
      expect(await other.write('shop', one, open)).toEqual({ ...first, isKnown: true });
      expect(text((await dirty.read('shop', ['a']))[0])).toBe('2');
      expect(await dirty.ledger('shop')).toMatchObject({ accepted: 2, pending: 1, difference: 0 });
      // An operation is of a key, and of a cache.
      expect(await write({ ...one, key: 'b' })).not.toHaveProperty('isKnown');
      expect(await dirty.write('stall', one, open)).not.toHaveProperty('isKnown');
    });

    test('moves nothing when it is claimed: who dies then leaves all as it was', async () => {
      await Promise.all(['a', 'b', 'c'].map((key) => write(put(key))));
      const first = await claim();
      const again = await other.claim('shop', { partitions: everywhere(), most: 10, olderThanMs: 0 });
      expect(again.rows).toEqual(first.rows);
    });

    test('claims the oldest, no more than asked, and nothing that is too young', async () => {
      await write(put('a'));
      await write(put('b'));
      expect((await claim(1)).rows).toHaveLength(1);
      expect((await claim(10, 3_600_000)).rows).toEqual([]);
      const mine = dirty.partitionOf('a');
      const { rows } = await dirty.claim('shop', { partitions: [mine], most: 10, olderThanMs: 0 });
      expect(rows.every(({ partition }) => partition === mine)).toBe(true);
    });

    test('leaves out so many of the oldest as are under way, and says whether more may be due', async () => {
      const mine = dirty.partitionOf('a');
      const keys = Array.from({ length: 2_000 }, (_, i) => `s${i}`).filter(
        (key) => dirty.partitionOf(key) === mine,
      );
      for (const key of keys) await write(put(key));
      const some = (most: number, skip: number) =>
        dirty.claim('shop', { partitions: [mine], most, olderThanMs: 0, skip: new Map([[mine, skip]]) });
      const [first, second, last] = [await some(2, 0), await some(2, 2), await some(1_000, 4)];
      expect([first.hasMore, second.hasMore, last.hasMore]).toEqual([true, true, false]);
      expect([...first.rows, ...second.rows, ...last.rows].map(({ key }) => key)).toEqual(keys);
      expect((await some(2, keys.length)).rows).toEqual([]);
    });

    test('hands over less at once when values are large', async () => {
      const mine = dirty.partitionOf('a');
      const keys = Array.from({ length: 30_000 }, (_, i) => `l${i}`)
        .filter((key) => dirty.partitionOf(key) === mine)
        .slice(0, 300);
      const body = 'x'.repeat(40_000);
      await Promise.all(keys.map((key) => write(put(key, body))));
      const { rows, hasMore } = await claim(1_000);
      expect([rows.length < 300, rows.length > 0, hasMore]).toEqual([true, true, true]);
      const rest = await dirty.claim('shop', {
        partitions: [mine],
        most: 1_000,
        olderThanMs: 0,
        skip: new Map([[mine, rows.length]]),
      });
      expect(rows.length + rest.rows.length).toBe(300);
      expect(await dirty.ack('shop', [...rows, ...rest.rows], 0)).toBe(300);
    });

    test('lets go only of the version that was written', async () => {
      await write(put('a', 'old'));
      const { rows, claimedAt } = await claim();
      await write(put('a', 'new'));
      expect(await dirty.ack('shop', rows, claimedAt)).toBe(0);
      expect(text((await dirty.read('shop', ['a']))[0])).toBe('new');
      const later = await claim();
      expect(await dirty.ack('shop', later.rows, later.claimedAt)).toBe(1);
      expect(await dirty.ack('shop', later.rows, later.claimedAt)).toBe(0);
      expect(await dirty.ledger('shop')).toMatchObject({
        accepted: 2,
        coalesced: 1,
        flushed: 1,
        pending: 0,
        difference: 0,
      });
    });

    test('lets go of what was seen unchanged, once, and of nothing that was written since', async () => {
      await write(put('a', 'old'));
      await write(put('b', 'old'));
      const first = await claim();
      const ack = ({ rows, claimedAt, seen }: typeof first, by = dirty) =>
        by.ack('shop', rows, claimedAt, seen);
      await write(put('a', 'new'));
      expect(await ack(first)).toBe(1);
      const second = await claim();
      expect(second.rows.map(text)).toEqual(['new']);
      expect(await ack(second)).toBe(1);
      expect(await ack(second, other)).toBe(0);
      await write(put('a', 'newer'));
      expect(await ack(second)).toBe(0);
      await write(put('n', '1'));
      const third = await claim();
      await dirty.add('shop', { key: 'n', by: 1, operation: 'x' });
      expect(await ack(third)).toBe(1);
      // Of another who put it aside meanwhile nothing is taken away.
      const fourth = await claim();
      await other.dead(
        'shop',
        fourth.rows.map((row) => ({ ...row, reason })),
        10,
      );
      expect(await ack(fourth)).toBe(0);
      expect(await dirty.ledger('shop')).toMatchObject({ flushed: 3, pending: 0, dead: 1, difference: 0 });
    });

    test('refuses new keys above the hard mark, and never those that are dirty', async () => {
      const marks = { soft: 0, hard: 1 };
      expect(await write(put('a'), marks)).toMatchObject({ kind: 'ok', isSoft: true });
      const same = [...'bcdefghijklmnopqrstuvwxyz']
        .flatMap((a) => [a, `${a}${a}`, `${a}1`])
        .concat(Array.from({ length: 600 }, (_, i) => `k${i}`))
        .find((key) => dirty.partitionOf(key) === dirty.partitionOf('a'))!;
      expect(await write(put(same), marks)).toEqual({ kind: 'full' });
      expect(await write(put('a', '2'), marks)).toMatchObject({ kind: 'ok' });
      expect(await dirty.read('shop', [same])).toEqual([undefined]);
      await balanced();
    });

    test('adds to what is dirty, each operation once', async () => {
      expect(await dirty.add('shop', { key: 'n', by: 1, operation: 'x' })).toEqual({ kind: 'overtaken' });
      await write(put('n', '40'));
      expect(await dirty.add('shop', { key: 'n', by: 1, operation: 'x' })).toMatchObject({
        kind: 'ok',
        total: 41,
      });
      expect(await other.add('shop', { key: 'n', by: 0.5, operation: 'y' })).toMatchObject({ total: 41.5 });
      expect(await dirty.add('shop', { key: 'n', by: 1, operation: 'x' })).toMatchObject({ total: 41.5 });
      const all = Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? dirty : other).add('shop', { key: 'n', by: -1, operation: `z${i}` }),
      );
      await Promise.all(all);
      expect(text((await dirty.read('shop', ['n']))[0])).toBe('21.5');
      await write(put('n', '{"a":1}'));
      expect(await dirty.add('shop', { key: 'n', by: 1, operation: 'v' })).toEqual({ kind: 'overtaken' });
      await balanced();
    });

    test('takes a watched write only if nobody wrote since', async () => {
      expect(await dirty.watch('shop', 'a', 'mine')).toEqual({ word: 'mine', entry: undefined });
      expect(await write(put('a', '1', { watched: 'mine' }))).toMatchObject({ kind: 'ok' });
      expect(await write(put('a', '2', { watched: 'mine' }))).toEqual({ kind: 'overtaken' });
      expect(text((await dirty.watch('shop', 'a', 'mine')).entry)).toBe('1');
      await other.write('shop', put('a', '3'), open);
      expect(await write(put('a', '4', { watched: 'mine' }))).toEqual({ kind: 'overtaken' });
      // Two who watch at once share the word: the first to write wins.
      const [first, second] = [await dirty.watch('shop', 'a', 'one'), await other.watch('shop', 'a', 'two')];
      expect([first.word, second.word]).toEqual(['one', 'one']);
      expect(await write(put('a', '5', { watched: second.word }))).toMatchObject({ kind: 'ok' });
      expect(await write(put('a', '6', { watched: first.word }))).toEqual({ kind: 'overtaken' });
      expect(text((await dirty.read('shop', ['a']))[0])).toBe('5');
    });

    test('lends a partition to one at a time', async () => {
      await write(put('a'));
      const mine = dirty.partitionOf('a');
      expect(await dirty.lease('shop', 'one', 60_000)).toEqual([mine]);
      expect(await other.lease('shop', 'two', 60_000)).toEqual([]);
      expect(await dirty.lease('shop', 'one', 60_000)).toEqual([mine]);
      await other.release('shop', 'two');
      expect(await other.lease('shop', 'two', 60_000)).toEqual([]);
      await dirty.release('shop', 'one');
      expect(await other.lease('shop', 'two', 60_000)).toEqual([mine]);
    });

    test('keeps what the origin refuses, with the reason, until somebody decides', async () => {
      await Promise.all(['a', 'b', 'c'].map((key) => write(put(key))));
      const { rows } = await claim();
      const dead = rows.map((row) => ({ ...row, reason }));
      expect(await dirty.dead('shop', dead, 100)).toEqual(['dead', 'dead', 'dead']);
      expect(await dirty.dead('shop', dead, 100)).toEqual(['changed', 'changed', 'changed']);
      expect((await claim()).rows).toEqual([]);
      const letters = await other.letters('shop', { most: 10 });
      expect(letters.map(({ key }) => key).sort()).toEqual(['a', 'b', 'c']);
      expect(await other.letter('shop', 'b')).toMatchObject({ key: 'b', reason, form: { flags: 0 } });
      expect(await dirty.ledger('shop')).toMatchObject({ pending: 0, dead: 3, difference: 0 });
      expect(await dirty.drop('shop', ['a', 'none'])).toBe(1);
      expect(await dirty.retry('shop', ['b'])).toBe(1);
      const again = await claim();
      expect(again.rows).toEqual(rows.filter(({ key }) => key === 'b'));
      await write(put('c', 'newer'));
      expect(await dirty.retry('shop')).toBe(1);
      expect(text((await dirty.read('shop', ['c']))[0])).toBe('newer');
      await balanced();
    });

    test('puts nothing aside that changed meanwhile, or for which there is no room', async () => {
      await write(put('a', 'old'));
      const { rows } = await claim();
      await write(put('a', 'new'));
      expect(await dirty.dead('shop', [{ ...rows[0]!, reason }], 10)).toEqual(['changed']);
      const now = await claim();
      expect(await dirty.dead('shop', [{ ...now.rows[0]!, reason }], 0)).toEqual(['full']);
      expect(text((await dirty.read('shop', ['a']))[0])).toBe('new');
    });

    test('forgets a dead letter when a newer write of its key has reached the origin', async () => {
      await write(put('a', 'bad'));
      const first = await claim();
      await dirty.dead('shop', [{ ...first.rows[0]!, reason }], 10);
      await write(put('a', 'good'));
      const second = await claim();
      await dirty.ack('shop', second.rows, second.claimedAt);
      expect(await dirty.letters('shop', { most: 10 })).toEqual([]);
      expect(await dirty.ledger('shop')).toMatchObject({ flushed: 1, dropped: 1, dead: 0, difference: 0 });
    });

    test('tells what its server is like, and whose it is', async () => {
      expect((await dirty.open()).id).toBe((await other.open()).id);
      expect((await dirty.facts()).version).toMatch(/^\d/);
    });
  });
}

import type { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connect.ts';
import type { Dirty, DirtyWrite } from '../../src/dirty/dirty.ts';
import { maker, newOperation } from '../../src/dirty/operation.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { redis, startProxy, until } from '../support/index.ts';

const queue = await redis('queue');
const proxy = await startProxy(queue.url);
const opened: Redis[] = [];
afterAll(async () => {
  for (const each of opened) each.disconnect();
  await proxy.close();
});
beforeEach(async () => {
  proxy.pass();
  await queue.flush();
});

const connect = async (url: string): Promise<Dirty> => {
  const client = openRedis({ role: 'buffer', use: 'once', url, from: 'the test', commandTimeoutMs: 300 });
  opened.push(client);
  await client.connect();
  return createRedisDirty(client, { prefix: 'again' });
};
const direct = await connect(queue.url);

const marks = { soft: 1_000, hard: 1_000 };
const put = (key: string, body: string | undefined, operation = newOperation().name): DirtyWrite => ({
  key,
  form: body === undefined ? undefined : { body, flags: 0 },
  operation,
});
const write = (one: DirtyWrite, dirty = direct) => dirty.write('shop', one, marks);
const again = (one: DirtyWrite, dirty = direct) => write({ ...one, isRepeated: true }, dirty);
const bodyOf = async (key: string) => {
  const [entry] = await direct.read('shop', [key]);
  return entry && (entry.form === undefined ? 'deleted' : String(entry.form.body));
};
const flush = async () => {
  const partitions = Array.from({ length: direct.partitions }, (_, p) => p);
  const { rows, claimedAt } = await direct.claim('shop', { partitions, most: 1_000, olderThanMs: 0 });
  return direct.ack('shop', rows, claimedAt);
};
const ledger = () => direct.ledger('shop');

/** Taken, and the answer is lost with the connection. */
const lose = async (...writes: DirtyWrite[]): Promise<number[]> => {
  const dirty = await connect(proxy.url);
  await write(put('first', '0'), dirty);
  proxy.blackHole('from-server');
  const before = (await ledger()).accepted;
  const ended = await Promise.allSettled(writes.map((one) => write(one, dirty)));
  for (const each of ended) expect(each).toMatchObject({ reason: { code: 'E_INDETERMINATE' } });
  expect((await ledger()).accepted).toBe(before + writes.length);
  const entries = await direct.read('shop', [...new Set(writes.map(({ key }) => key))]);
  return entries.map((entry) => entry!.version);
};

describe('an operation of which nobody was told that it was taken', () => {
  test('is answered as then after its flush', async () => {
    const one = put('a', '1');
    const [version] = await lose(one);
    await flush();
    expect(await again(one)).toMatchObject({ kind: 'ok', version });
    expect(await bodyOf('a')).toBeUndefined();
    expect(await ledger()).toMatchObject({ accepted: 2, pending: 0, difference: 0 });
  });

  test('writes over nothing newer, waiting or flushed', async () => {
    const one = put('a', 'old');
    const [version] = await lose(one);
    await write(put('a', 'new'));
    expect(await again(one)).toMatchObject({ kind: 'ok', version });
    expect(await bodyOf('a')).toBe('new');
    await flush();
    expect(await again(one)).toMatchObject({ kind: 'ok', version });
    expect(await flush()).toBe(0);
    expect(await ledger()).toMatchObject({ accepted: 3, difference: 0 });
  });

  test('deletes nothing that was written since', async () => {
    const one = put('a', undefined);
    const [version] = await lose(one);
    await flush();
    await write(put('a', 'new'));
    expect(await again(one)).toMatchObject({ kind: 'ok', version });
    expect(await bodyOf('a')).toBe('new');
  });

  test('is known of each of the writes of its call, by whoever asks', async () => {
    const all = Array.from({ length: 40 }, (_, i) => put(`k${i}`, `${i}`));
    const versions = await lose(...all);
    await flush();
    const other = await connect(queue.url);
    for (const i of [39, 0, 17])
      expect(await again(all[i]!, other)).toMatchObject({ kind: 'ok', version: versions[i] });
    expect(await flush()).toBe(0);
    // An operation is of a key, and of a cache.
    expect(await again({ ...all[3]!, key: 'k4' })).not.toHaveProperty('isKnown');
    expect(await direct.write('stall', { ...all[5]!, isRepeated: true }, marks)).not.toHaveProperty(
      'isKnown',
    );
  });

  test('is taken when it was not, and is the one that counts if it then comes', async () => {
    const dirty = await connect(proxy.url);
    await write(put('first', '0'), dirty);
    proxy.delay(1_000);
    const late = put('a', 'old');
    await expect(write(late, dirty)).rejects.toMatchObject({ code: 'E_INDETERMINATE' });
    const taken = await again(late);
    expect(taken).toMatchObject({ kind: 'ok' });
    expect(taken).not.toHaveProperty('isKnown');
    await write(put('a', 'new'));
    const calls = async () => (await queue.client.hkeys(`again:wb:calls:${maker}`)).sort().join();
    const before = await calls();
    await until(async () => (await calls()) !== before, 'the first has come');
    expect(await bodyOf('a')).toBe('new');
    expect(await again(late)).toMatchObject({ version: (taken as { version: number }).version });
    expect(await ledger()).toMatchObject({ accepted: 3, difference: 0 });
  });

  test('is forgotten only when its answer has come', async () => {
    const key = `again:wb:calls:${maker}`;
    const dirty = await connect(queue.url);
    for (let i = 0; i < 20; i++) await write(put(`k${i}`, '1'), dirty);
    // The last one, for the next has not said yet that its answer came; and those of connections that ended.
    const of = async () => Object.keys(await queue.client.hgetall(key)).length;
    expect(await of()).toBe(1);
    expect(await queue.client.pttl(key)).toBeGreaterThan(9.9 * 60_000);
    expect(await queue.client.exists('again:{wb:shop}:n')).toBe(0);
  });
});

describe('an operation whose name was given', () => {
  const names = 'again:{wb:shop}:n';

  test('counts once for its key, in one tick and later', async () => {
    const one = put('a', '1', 'mine');
    const [first, second, other] = await Promise.all([again(one), again(one), again(put('b', '2', 'mine'))]);
    expect(second).toEqual({ ...first, isKnown: true });
    expect(other).not.toHaveProperty('isKnown');
    await flush();
    await write(put('a', 'new'));
    expect(await again(one)).toEqual(second);
    expect(await bodyOf('a')).toBe('new');
    expect(await ledger()).toMatchObject({ accepted: 3, flushed: 2, difference: 0 });
  });

  test('is known for ten minutes', async () => {
    const one = put('a', '1', 'mine');
    const first = await again(one);
    await flush();
    expect(await queue.client.pttl(names)).toBeGreaterThan(9.9 * 60_000);
    const age = (us: number) =>
      queue.client.zadd(names, (first as { version: number }).version - us, 'mine a');
    await age(599_000_000);
    await again(put('b', '1', 'other'));
    expect(await queue.client.zcard(names)).toBe(2);
    await age(601_000_000);
    await again(put('c', '1', 'another'));
    expect(await queue.client.zrange(names, '0', '-1')).toEqual(['other b', 'another c']);
    expect(await again(one)).not.toHaveProperty('isKnown');
  });

  test('is forgotten when half a million came after it', async () => {
    await again(put('a', '1', 'mine'));
    const now = Number((await queue.client.zscore(names, 'mine a'))!);
    await queue.client.eval(
      `for i = 1, 499999 do redis.call('ZADD', KEYS[1], string.format('%.0f', tonumber(ARGV[1]) + i), 'x' .. i .. ' a') end`,
      ...[1, names, String(now)],
    );
    await flush();
    expect(await again(put('a', '1', 'mine'))).toHaveProperty('isKnown');
    await again(put('b', '1', 'one more'));
    expect(await queue.client.zcard(names)).toBe(500_000);
    expect(await again(put('a', '1', 'mine'))).not.toHaveProperty('isKnown');
    await queue.flush();
  });

  test('adds once for its key, and no more of them are known than so many', async () => {
    const key = (i: number) => `n${i}`;
    const at = direct.partitionOf(key(0));
    const same = Array.from({ length: 500 }, (_, i) => key(i)).find(
      (each, i) => i > 0 && direct.partitionOf(each) === at,
    )!;
    for (const each of [key(0), same]) await write(put(each, '1'));
    const add = (each: string) => direct.add('shop', { key: each, by: 1, operation: 'mine' });
    for (const each of [key(0), same, key(0), same]) expect(await add(each)).toMatchObject({ total: 2 });
    const additions = `again:{wb:shop#${at}}:o`;
    await queue.client.eval(
      `for i = 1, 9000 do redis.call('ZADD', KEYS[1], '9999999999999999', 'x' .. i) end`,
      ...[1, additions],
    );
    await direct.add('shop', { key: key(0), by: 1, operation: 'one more' });
    expect(await queue.client.zcard(additions)).toBe(Math.ceil(500_000 / direct.partitions));
  });
});

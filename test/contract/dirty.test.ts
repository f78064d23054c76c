import { Redis } from 'ioredis';
import { afterAll, expect, inject, test } from 'vitest';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { describeDirty } from './dirty.ts';

const clients = [
  new Redis(inject('queueUrl'), { db: 61 }),
  new Redis(inject('queueUrl'), { db: 61 }),
] as const;
afterAll(() => {
  for (const client of clients) client.disconnect();
});
const [one, two] = clients;

describeDirty('Redis', async () => ({
  dirty: createRedisDirty(one, { prefix: 'contract' }),
  other: createRedisDirty(two, { prefix: 'contract' }),
  flush: async () => void (await one.flushdb()),
}));

test('a buffer made with another number of partitions is refused', async () => {
  const other = createRedisDirty(one, { prefix: 'few', partitions: 8 });
  await other.open();
  await expect(createRedisDirty(two, { prefix: 'few' }).open()).rejects.toMatchObject({ code: 'E_BUFFER' });
  await one.flushdb();
});

test('who flushed before a buffer lost its newest writes lets go of none that came after', async () => {
  const dirty = createRedisDirty(one, { prefix: 'lost' });
  const marks = { soft: 10, hard: 10 };
  const write = (operation: string) =>
    dirty.write('shop', { key: 'a', form: { body: operation, flags: 0 }, operation }, marks);
  // The clock of the server that is lost ran ahead.
  await dirty.raise('shop', new Map([[dirty.partitionOf('a'), 9e15]]));
  await write('before');
  const { rows, claimedAt, seen } = await dirty.claim('shop', {
    partitions: [dirty.partitionOf('a')],
    most: 10,
    olderThanMs: 0,
  });
  await one.flushdb();
  await write('after');
  // As whoever takes the partition over does, by what the origin has.
  await dirty.raise('shop', new Map([[dirty.partitionOf('a'), rows[0]!.version]]));
  expect(await dirty.ack('shop', rows, claimedAt, seen)).toBe(0);
  expect(await dirty.ledger('shop')).toMatchObject({ pending: 1 });
  await one.flushdb();
});

test('an index that was deleted is made anew, and one whose values are gone is no work', async () => {
  const dirty = createRedisDirty(one, { prefix: 'hands' });
  const at = `hands:{wb:shop#${dirty.partitionOf('a')}}:`;
  const marks = { soft: 10, hard: 10 };
  const claim = () => dirty.claim('shop', { partitions: [dirty.partitionOf('a')], most: 10, olderThanMs: 0 });
  await dirty.write('shop', { key: 'a', form: { body: '1', flags: 0 }, operation: 'o' }, marks);
  await one.del(`${at}z`);
  expect((await claim()).rows.map(({ key }) => key)).toEqual(['a']);
  await one.del(`${at}d`);
  expect((await claim()).rows).toEqual([]);
  expect(await dirty.ledger('shop')).toMatchObject({ accepted: 1, pending: 0, difference: 1 });
  await one.flushdb();
});

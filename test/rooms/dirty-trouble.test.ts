import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRedis } from '../../src/connect.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { type ServerProxy, startProxy, until } from '../support/index.ts';

const marks = { soft: 1_000, hard: 1_000 };
const put = (key: string, body = '1', operation = `o-${key}`) => ({
  key,
  form: { body, flags: 0 },
  operation,
});

let server: Awaited<ReturnType<typeof startRedis>>;
let admin: Redis;
let proxy: ServerProxy;
const opened: Redis[] = [];

beforeAll(async () => {
  server = await startRedis({ role: 'queue' });
  admin = new Redis(server.url);
  proxy = await startProxy(server.url);
});
afterAll(async () => {
  for (const redis of [...opened, admin]) redis.disconnect();
  await proxy.close();
  await server.stop();
});

const connect = async (url: string, commandTimeoutMs = 2_000) => {
  const redis = openRedis({ role: 'buffer', use: 'once', url, from: 'the test', commandTimeoutMs });
  opened.push(redis);
  await redis.connect();
  return createRedisDirty(redis, { prefix: 'trouble' });
};

test('a write whose answer is lost is neither done nor failed, and repeated it counts once', async () => {
  const dirty = await connect(proxy.url, 300);
  await dirty.write('shop', put('warm'), marks);
  proxy.blackHole('from-server');
  const lost = await dirty.write('shop', put('a', '1', 'first'), marks).catch((error: unknown) => error);
  expect(lost).toMatchObject({ code: 'E_INDETERMINATE', operation: 'first' });
  proxy.cut();
  proxy.pass();
  const again = { ...put('a', '1', 'first'), isRepeated: true };
  const written = await until(
    () => dirty.write('shop', again, marks).catch(() => undefined),
    'the connection is back',
  );
  expect(written).toMatchObject({ kind: 'ok' });
  expect(await dirty.write('shop', again, marks)).toEqual(written);
  expect(await dirty.ledger('shop')).toMatchObject({ pending: 2, difference: 0 });
});

test('a write to a server that is known to be away fails for sure', async () => {
  const gone = await startRedis({ role: 'queue' });
  const dirty = await connect(gone.url);
  await gone.stop();
  const failure = await until(async () => {
    const told = await dirty.write('shop', put('a'), marks).catch((error: unknown) => error);
    return (told as { code?: string }).code === 'E_BUFFER_UNAVAILABLE' && told;
  }, 'the client knows that it is gone');
  expect(failure).toMatchObject({ hints: [expect.stringContaining('nothing was changed')] });
});

test('a full server refuses writes whole, and what it holds can still leave', async () => {
  const dirty = await connect(server.url);
  await dirty.write('full', put('a', 'old'), marks);
  await dirty.write('full', put('b'), marks);
  const claim = () =>
    dirty.claim('full', {
      partitions: Array.from({ length: dirty.partitions }, (_, p) => p),
      most: 10,
      olderThanMs: 0,
    });
  const { rows, claimedAt } = await claim();
  await dirty.write('full', put('a', 'new'), marks);
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  await admin.config('SET', 'maxmemory', '1mb');
  expect(await dirty.write('full', put('c'), marks)).toEqual({ kind: 'full' });
  // One of them changed in flight: its place in the index is written anew, which a full server would refuse others.
  expect(await dirty.ack('full', rows, claimedAt)).toBe(1);
  const later = await claim();
  expect(later.rows).toHaveLength(1);
  const reason = { code: '22P02', message: 'no number' };
  expect(await dirty.dead('full', [{ ...later.rows[0]!, reason }], 10)).toEqual(['dead']);
  await admin.config('SET', 'maxmemory', '0');
  expect(await dirty.write('full', put('c'), marks)).toMatchObject({ kind: 'ok' });
  expect((await dirty.ledger('full')).difference).toBe(0);
});

test('a server that has forgotten its scripts is told them again', async () => {
  const dirty = await connect(server.url);
  await dirty.write('forgot', put('a'), marks);
  await admin.script('FLUSH');
  expect(await dirty.write('forgot', put('b'), marks)).toMatchObject({ kind: 'ok' });
  expect(await dirty.ledger('forgot')).toMatchObject({ accepted: 2, difference: 0 });
});

test('what became dirty before the clock was put back is due at once, not when that time has come again', async () => {
  const dirty = await connect(server.url);
  await dirty.write('clock', put('a'), marks);
  await dirty.write('clock', put('b'), marks);
  const partition = dirty.partitionOf('a');
  const index = `trouble:{wb:clock#${partition}}:z`;
  const since = Number(await admin.zscore(index, 'a'));
  const claim = async () =>
    (await dirty.claim('clock', { partitions: [partition], most: 10, olderThanMs: 60_000 })).rows;
  expect(await claim()).toEqual([]);
  await admin.zadd(index, since + 3_600_000_000, 'a');
  expect(await claim()).toMatchObject([{ key: 'a' }]);
});

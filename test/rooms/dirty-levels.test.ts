import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Assured, assure, type Promised } from '../../src/dirty/assured.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { until } from '../support/index.ts';

const server = await startRedis({ role: 'queue' });
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

let now = 0;
const clock = { ...systemClock, elapsed: () => now };
const told: (string | undefined)[] = [];
const marks = { soft: 10, hard: 10 };
let made = 0;
const put = (dirty: Assured) =>
  dirty.write('shop', { key: `k${++made}`, form: { body: '1', flags: 0 }, operation: `o${made}` }, marks);
const buffer = (promised: Partial<Promised> = {}, allowEvicting = false, waitMs = 100) => {
  const each = { cache: 'shop', isSynced: false, replicas: 0, ...promised };
  const dirty = createRedisDirty(admin, {
    prefix: `p${++made}`,
    levelOf: () => ({ replicas: each.replicas, isSynced: false, waitMs }),
  });
  return assure(dirty, {
    promised: [each],
    from: 'BUFFER_REDIS_URL',
    allowEvicting,
    clock,
    onChange: (error) => void told.push(error?.message),
    onEmptied: () => void told.push('emptied'),
  });
};
const settings = async (policy: string, appendonly = 'no', appendfsync = 'everysec') => {
  await admin.config('SET', 'maxmemory-policy', policy, 'appendonly', appendonly, 'appendfsync', appendfsync);
};
beforeEach(async () => {
  now = 0;
  told.length = 0;
  await settings('noeviction');
});

describe('a server that may evict', () => {
  test('is given no writes', async () => {
    await settings('allkeys-lru');
    const dirty = buffer();
    await expect(dirty.check()).rejects.toMatchObject({ code: 'E_BUFFER' });
    await expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
    await settings('volatile-lfu');
    now += 10_000;
    expect(await put(dirty)).toMatchObject({ kind: 'ok' });
    expect(told).toEqual([expect.stringContaining('allkeys-lru'), undefined]);
  });

  test('is noticed when it becomes one', async () => {
    const dirty = buffer();
    expect(await put(dirty)).toMatchObject({ kind: 'ok' });
    await settings('allkeys-random');
    expect(await put(dirty)).toMatchObject({ kind: 'ok' });
    now += 5_000;
    await put(dirty);
    await until(() => told.length > 0, 'it was looked at again');
    await expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
  });

  test('is accepted by whom it is good enough for', async () => {
    await settings('allkeys-lru');
    expect(await put(buffer({}, true))).toMatchObject({ kind: 'ok' });
  });
});

describe('an acknowledgement', () => {
  test('by the disk is refused where nothing tells of it', async () => {
    await settings('noeviction', 'yes', 'everysec');
    await expect(put(buffer({ isSynced: true }))).rejects.toMatchObject({ code: 'E_BUFFER' });
    await settings('noeviction', 'yes', 'always');
    expect(await put(buffer({ isSynced: true }))).toMatchObject({ kind: 'ok' });
  });

  test('by replicas is refused where there are none, and unknown when they fall behind', async () => {
    const dirty = buffer({ replicas: 1 });
    await expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
    const replica = await startRedis({ role: 'queue' });
    const second = new Redis(replica.url);
    try {
      const { hostname, port, password } = new URL(server.url);
      await second.config('SET', 'masterauth', password);
      await second.replicaof(hostname, Number(port));
      await until(async () => /master_link_status:up/.test(await second.info('replication')), 'it follows');
      now += 10_000;
      expect(await put(dirty)).toMatchObject({ kind: 'ok' });
      await second.replicaof('NO', 'ONE');
      await until(async () => /connected_slaves:0/.test(await admin.info('replication')), 'it is alone');
      await expect(put(dirty)).rejects.toMatchObject({ code: 'E_INDETERMINATE' });
    } finally {
      second.disconnect();
      await replica.stop();
    }
  });
});

test('a buffer that was emptied is told of', async () => {
  const dirty = buffer();
  await put(dirty);
  await admin.flushall();
  await dirty.check();
  expect(told).toEqual(['emptied']);
});

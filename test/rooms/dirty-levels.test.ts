import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { type Assured, assure, hasWaitAof, type Promised } from '../../src/dirty/assured.ts';
import type { BufferFacts } from '../../src/dirty/dirty.ts';
import { createRedisDirty } from '../../src/dirty/redis.ts';
import { freePort } from '../../src/servers/port.ts';
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
const buffer = (
  promised: Partial<Promised> & { isAsked?: boolean } = {},
  allowEvicting = false,
  waitMs = 100,
  facts?: BufferFacts,
) => {
  const each = { cache: 'shop', isSynced: false, replicas: 0, ...promised };
  const dirty = createRedisDirty(admin, {
    prefix: `p${++made}`,
    levelOf: () => ({ replicas: each.replicas, isSynced: each.isAsked ?? false, waitMs }),
  });
  return assure(facts === undefined ? dirty : { ...dirty, facts: async () => facts }, {
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

test('a server that is nearly full is given new values of what is dirty, and no more keys', async () => {
  const facts = await createRedisDirty(admin, { prefix: 'any' }).facts();
  expect(facts.fullness).toBeUndefined();
  const full = { ...facts, policy: 'noeviction', fullness: 0.95 };
  expect(await put(buffer({}, false, 100, { ...full, fullness: 0.5 }))).toMatchObject({ kind: 'ok' });
  expect(await put(buffer({}, false, 100, { ...full, policy: 'volatile-lru' }))).toMatchObject({
    kind: 'ok',
  });
  expect(await put(buffer({}, false, 100, full))).toEqual({ kind: 'full' });
  await admin.config('SET', 'maxmemory', '1gb');
  const { fullness } = await createRedisDirty(admin, { prefix: 'any' }).facts();
  await admin.config('SET', 'maxmemory', '0');
  expect(fullness).toBeGreaterThan(0);
  expect(fullness).toBeLessThan(1);
});

describe('an acknowledgement', () => {
  test('by the disk is refused where nothing tells of it', async () => {
    await settings('noeviction', 'yes', 'everysec');
    const { version, ...facts } = await createRedisDirty(admin, { prefix: 'any' }).facts();
    // What the server at hand is, and what it might be.
    for (const [like, isTold] of [
      [version, hasWaitAof(version)],
      ['7.0.15', false],
      ['6.2', false],
      ['7.2.0', true],
      ['8.0', true],
    ] as const) {
      const dirty = buffer({ isSynced: true }, false, 100, { ...facts, version: like });
      if (isTold) expect(await dirty.check()).toMatchObject({ version: like });
      else await expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
    }
    await settings('noeviction', 'yes', 'always');
    expect(await put(buffer({ isSynced: true }))).toMatchObject({ kind: 'ok' });
  });

  test('by the disk is asked for with each write of a server that tells of it, and unknown when it does not come', async () => {
    await settings('noeviction', 'yes', 'everysec');
    const { version } = await createRedisDirty(admin, { prefix: 'any' }).facts();
    const dirty = buffer({ isSynced: true, isAsked: true }, false, 5_000);
    if (!hasWaitAof(version)) return expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
    expect(await put(dirty)).toMatchObject({ kind: 'ok' });
    await settings('noeviction', 'no', 'everysec');
    await expect(put(dirty)).rejects.toMatchObject({ code: 'E_INDETERMINATE' });
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
      expect(await put(buffer({ replicas: 1 }, false, 10_000))).toMatchObject({ kind: 'ok' });
      await dirty.check(); // so that the next write finds out by itself
      await second.replicaof('NO', 'ONE');
      await until(async () => /connected_slaves:0/.test(await admin.info('replication')), 'it is alone');
      await expect(put(dirty)).rejects.toMatchObject({ code: 'E_INDETERMINATE' });
    } finally {
      second.disconnect();
      await replica.stop();
    }
  });
});

test('a node of a Cluster is refused by name, before anything else is asked of it', async () => {
  const cluster = await startRedis({
    role: 'buffer',
    settings: { 'cluster-enabled': 'yes' },
    pickPort: lowPort,
  });
  const client = new Redis(cluster.url);
  try {
    const dirty = assure(createRedisDirty(client, { prefix: 'sv' }), {
      promised: [],
      from: 'BUFFER_REDIS_URL',
      allowEvicting: false,
      clock,
      onChange: (error) => void told.push(error?.message),
      onEmptied: () => void told.push('emptied'),
    });
    await expect(dirty.check()).rejects.toMatchObject({
      code: 'E_BUFFER',
      message: expect.stringContaining('Redis Cluster'),
    });
    await expect(put(dirty)).rejects.toMatchObject({ code: 'E_BUFFER' });
    expect(told).toEqual([expect.stringContaining('BUFFER_REDIS_URL')]);
  } finally {
    client.disconnect();
    await cluster.stop();
  }
});

/** A node listens for others 10,000 ports above its own. */
async function lowPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port < 55_000) return port;
  }
}

test('a buffer that was emptied is told of', async () => {
  const dirty = buffer();
  await put(dirty);
  await admin.flushall();
  await dirty.check();
  expect(told).toEqual(['emptied']);
});

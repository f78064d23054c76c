import { beforeEach, expect, test } from 'vitest';
import type { AccessMessage } from '../../src/access/bucket.ts';
import { createRecorder } from '../../src/access/recorder.ts';
import { createAccessLog } from '../../src/access/redis.ts';
import { createEmitter } from '../../src/events.ts';
import { fakeClock, redis } from '../support/index.ts';
import { startBucket as now } from './access-parts.ts';

const queue = await redis('queue');
beforeEach(() => queue.flush());

const message = (seq: number, accesses = 1, over: Partial<AccessMessage> = {}): AccessMessage => ({
  from: 'recorder-1',
  seq,
  bucket: now,
  dropped: 0,
  caches: [
    {
      cache: 'products',
      counts: [['a', accesses, 1]],
      callers: [['user', accesses, 1]],
      used: [],
      fills: [],
    },
  ],
  ...over,
});
const all = { most: 100 };

test('what was appended is read as one batch, counts merged', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  expect(await log.read({}, all)).toBeUndefined();
  await log.append(message(1, 3));
  await log.append(
    message(2, 2, {
      dropped: 7,
      caches: [
        {
          cache: 'products',
          counts: [
            ['a', 2, 0],
            ['ключ "🔑"\n', 1, 1],
          ],
          callers: [
            ['user', 3, 1],
            ['bot', 9, 0],
          ],
          used: [[4, 12]],
          fills: [{ cache: 'products', key: 'a', loadMs: 2.5, bytes: 40, tags: ['t'] }],
        },
      ],
    }),
  );
  const batch = await log.read({}, all);
  expect(batch).toEqual({
    log: expect.stringMatching(/^[0-9a-f-]{36}$/),
    after: '0-0',
    upto: expect.stringMatching(/^\d+-\d+$/),
    messages: 2,
    unreadable: 0,
    counts: [
      { cache: 'products', key: 'a', bucket: now, accesses: 5, misses: 1 },
      { cache: 'products', key: 'ключ "🔑"\n', bucket: now, accesses: 1, misses: 1 },
    ],
    callers: [
      { cache: 'products', caller: 'user', bucket: now, accesses: 6, misses: 2 },
      { cache: 'products', caller: 'bot', bucket: now, accesses: 9, misses: 0 },
    ],
    used: [{ cache: 'products', plan: 4, row: 12 }],
    fills: [{ cache: 'products', key: 'a', loadMs: 2.5, bytes: 40, tags: ['t'] }],
    dropped: 7,
  });
});

test('a message that is sent twice is there once', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  await log.append(message(1));
  await log.append(message(1));
  await log.append(message(2));
  await log.append(message(2, 1, { from: 'recorder-2' }));
  expect(await log.read({}, all)).toMatchObject({ messages: 3 });
});

test('reading goes on after the cursor, and trimming forgets what is before it', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  for (let seq = 1; seq <= 5; seq++) await log.append(message(seq, seq));
  const first = (await log.read({}, { most: 2 }))!;
  expect(first.counts[0]!.accesses).toBe(3);
  const second = (await log.read({ [first.log]: first.upto }, all))!;
  expect(second).toMatchObject({ after: first.upto, messages: 3 });
  expect(second.counts[0]!.accesses).toBe(12);
  await log.trim(first);
  expect(await queue.client.xlen('t:access')).toBe(3);
  expect(await log.read({}, all)).toMatchObject({ messages: 3 });
  await log.trim(second);
  expect(await log.read({ [second.log]: second.upto }, all)).toBeUndefined();
  await log.append(message(6, 7));
  expect(await log.read({ [second.log]: second.upto }, all)).toMatchObject({ log: first.log, messages: 1 });
});

test('a Redis that loses everything while it is read is read again from the beginning, not from the old cursor', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  await log.append(message(1));
  const old = (await log.read({}, all))!;
  const losing = new Proxy(queue.client, {
    get(client, name) {
      if (name !== 'hget') return Reflect.get(client, name, client);
      return async (key: string, field: string) => {
        const id = await client.hget(key, field);
        await client.flushdb();
        await log.append(message(2));
        return id;
      };
    },
  });
  const cursors = { [old.log]: old.upto };
  expect(await createAccessLog(losing, { prefix: 't' }).read(cursors, all)).toBeUndefined();
  expect(await log.read(cursors, all)).toMatchObject({ after: '0-0', messages: 1 });
});

test('a Redis that lost everything has a new log, read from its beginning and safe from the old trim', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  await log.append(message(1));
  const old = (await log.read({}, all))!;
  await queue.flush();
  expect(await log.read({ [old.log]: old.upto }, all)).toBeUndefined();
  await log.append(message(2));
  const fresh = (await log.read({ [old.log]: old.upto }, all))!;
  expect(fresh).toMatchObject({ after: '0-0', messages: 1 });
  expect(fresh.log).not.toBe(old.log);
  await log.trim({ log: old.log, upto: '99999999999999-0' });
  expect(await log.read({}, all)).toMatchObject({ messages: 1 });
});

test('messages that cannot be read are skipped and counted', async () => {
  const log = createAccessLog(queue.client, { prefix: 't' });
  await log.append(message(1));
  const texts = [
    '',
    'not json',
    '{}',
    '[]',
    'null',
    '{"v":2,"b":490000,"x":0,"c":[]}',
    '{"v":1,"b":1,"x":0,"c":[]}',
  ];
  for (const text of texts) await queue.client.xadd('t:access', '*', 'o', 0, 'n', 0, 'd', text);
  await queue.client.xadd('t:access', '*', 'other', 'fields');
  await log.append(message(2));
  const batch = (await log.read({}, all))!;
  expect(batch).toMatchObject({ messages: 10, unreadable: 8 });
  expect(batch.counts[0]!.accesses).toBe(2);
});

test('above its bound the log forgets its oldest messages and says how many accesses went', async () => {
  const log = createAccessLog(queue.client, { prefix: 't', maxBytes: 1_000 });
  let lost = 0;
  for (let seq = 1; seq <= 40; seq++) lost += (await log.append(message(seq, 2))).lost;
  const held = (await log.read({}, all))!;
  expect(held.messages).toBeGreaterThan(3);
  expect(held.messages).toBeLessThan(20);
  expect(held.counts[0]!.accesses + lost).toBe(80);
  // What has been trimmed makes room.
  await log.trim(held);
  expect((await log.append(message(41))).lost).toBe(0);
});

test('a message larger than the bound still gets through', async () => {
  const log = createAccessLog(queue.client, { prefix: 't', maxBytes: 10 });
  await log.append(message(1));
  expect(await log.append(message(2))).toEqual({ lost: 1 });
  expect(await log.read({}, all)).toMatchObject({ messages: 1 });
});

test('a recorder survives its Redis: what it counted meanwhile arrives once', async () => {
  const clock = fakeClock(now * 3_600_000);
  const log = createAccessLog(queue.client, { prefix: 't' });
  let isCut = false;
  const recorder = createRecorder({
    // The command is executed, but the answer is lost on the way.
    log: {
      async append(each) {
        const answer = await log.append(each);
        if (isCut) throw new Error('Command timed out');
        return answer;
      },
    },
    clock,
    events: createEmitter(),
    flushEveryMs: 5_000,
    maxKeys: 100,
    demand: ['user'],
    caller: 'user',
  });
  recorder.hit('products', 'a', undefined, 0, 0);
  isCut = true;
  await recorder.flush();
  recorder.hit('products', 'a', undefined, 0, 0);
  await recorder.flush();
  isCut = false;
  await recorder.stop();
  const batch = (await log.read({}, all))!;
  expect(batch.counts).toEqual([{ cache: 'products', key: 'a', bucket: now, accesses: 2, misses: 0 }]);
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AccessMessage, type AppendLog, bucketOf } from '../../../src/access/bucket.ts';
import { createRecorder } from '../../../src/access/recorder.ts';
import { createEmitter, type Events } from '../../../src/events.ts';
import { fakeClock } from '../../support/index.ts';

/** A log in memory that takes each message once, as the real one does, and refuses when told to. */
function memoryLog() {
  const messages: AccessMessage[] = [];
  const seen = new Map<string, number>();
  const log = {
    messages,
    /** `before`: not taken; `after`: taken, and still reported as a failure. */
    refuses: 'no' as 'no' | 'before' | 'after',
    async append(message: AccessMessage) {
      if (log.refuses === 'before') throw new Error('connection lost');
      if ((seen.get(message.from) ?? 0) < message.seq) {
        seen.set(message.from, message.seq);
        messages.push(message);
      }
      if (log.refuses === 'after') throw new Error('command timed out');
      return { lost: 0 };
    },
  } satisfies AppendLog & Record<string, unknown>;
  return log;
}

function setUp(options: { maxKeys?: number } = {}) {
  const clock = fakeClock();
  const events = createEmitter();
  const told: { name: string; event: unknown }[] = [];
  for (const name of ['access:dropped', 'access:flushed'] as const)
    events.on(name, (event: Events[typeof name]) => told.push({ name, event }));
  const log = memoryLog();
  const recorder = createRecorder({
    log,
    clock,
    events,
    flushEveryMs: 5_000,
    maxKeys: options.maxKeys ?? 1_000,
    demand: ['user', 'api'],
    caller: 'user',
  });
  return { clock, log, recorder, told };
}

const counted = (messages: readonly AccessMessage[]) => {
  const sums: Record<string, [accesses: number, misses: number]> = {};
  for (const { bucket, caches } of messages) {
    for (const { cache, counts } of caches) {
      for (const [key, accesses, misses] of counts) {
        const name = `${cache}/${key}@${bucket}`;
        const sum = sums[name] ?? [0, 0];
        sums[name] = [sum[0] + accesses, sum[1] + misses];
      }
    }
  }
  return sums;
};
const total = (messages: readonly AccessMessage[]) =>
  Object.values(counted(messages)).reduce((sum, [accesses]) => sum + accesses, 0);
const dropped = (messages: readonly AccessMessage[]) => messages.reduce((sum, m) => sum + m.dropped, 0);

test('hits and misses of a key in one hour travel as one count, misses among the accesses', async () => {
  const { clock, log, recorder, told } = setUp();
  recorder.miss('products', '1', undefined);
  recorder.hit('products', '1', 'api', 0, 0);
  recorder.hit('products', '2', undefined, 0, 0);
  await clock.advance(5_000);
  const bucket = bucketOf(clock.now());
  expect(counted(log.messages)).toEqual({
    [`products/1@${bucket}`]: [2, 1],
    [`products/2@${bucket}`]: [1, 0],
  });
  expect(told).toEqual([
    { name: 'access:flushed', event: { cache: 'products', caller: 'user', accesses: 2, misses: 1 } },
    { name: 'access:flushed', event: { cache: 'products', caller: 'api', accesses: 1, misses: 0 } },
  ]);
  await clock.advance(5_000);
  expect(log.messages).toHaveLength(1);
  await recorder.stop();
  expect(clock.pending).toBe(0);
});

test('reads of callers that are no demand reach no key', async () => {
  const { log, recorder } = setUp();
  recorder.hit('products', '1', 'bot', 7, 1);
  recorder.miss('products', '2', 'job');
  await recorder.stop();
  expect(log.messages.flatMap(({ caches }) => caches)).toEqual([
    {
      cache: 'products',
      counts: [],
      callers: [
        ['bot', 1, 0],
        ['job', 1, 1],
      ],
      used: [],
      fills: [],
    },
  ]);
});

test('a hundred words for callers are held to a bound, and none is lost', async () => {
  const { log, recorder } = setUp();
  for (let i = 0; i < 100; i++) recorder.hit('products', '1', `visitor-${i}`, 0, 0);
  await recorder.stop();
  const callers = log.messages.flatMap(({ caches }) => caches).flatMap((part) => part.callers);
  expect(callers.length).toBeLessThan(40);
  expect(callers.reduce((sum, [, accesses]) => sum + accesses, 0)).toBe(100);
});

test('a read of a warmed entry carries its mark, of both plans when it was warmed again meanwhile', async () => {
  const { log, recorder } = setUp();
  recorder.hit('products', '1', undefined, 7, 3);
  recorder.hit('products', '1', undefined, 7, 3);
  recorder.hit('products', '1', undefined, 8, 0);
  recorder.hit('products', '2', undefined, 0, 0);
  await recorder.stop();
  expect(log.messages[0]!.caches[0]!.used).toEqual([
    [7, 3],
    [8, 0],
  ]);
});

test('the last fill of a key travels', async () => {
  const { log, recorder } = setUp();
  const fill = { cache: 'products', key: '1', loadMs: 3, bytes: 100, tags: ['a'] };
  recorder.fill(fill);
  recorder.fill({ ...fill, bytes: 120 });
  await recorder.stop();
  expect(log.messages[0]!.caches[0]!.fills).toEqual([{ ...fill, bytes: 120 }]);
  expect(recorder.stats.held).toBe(0);
});

test('counts belong to the hour in which they were made, and those of two hours never mix', async () => {
  const { clock, log, recorder } = setUp();
  log.refuses = 'before';
  recorder.hit('products', '1', undefined, 0, 0);
  const first = bucketOf(clock.now());
  await clock.advance(3_600_000);
  recorder.hit('products', '1', undefined, 0, 0);
  log.refuses = 'no';
  await recorder.stop();
  expect(counted(log.messages)).toEqual({
    [`products/1@${first}`]: [1, 0],
    [`products/1@${first + 1}`]: [1, 0],
  });
});

test('a flush that the log refuses keeps the counts; one that it took and denied does not count twice', async () => {
  const { clock, log, recorder } = setUp();
  for (const refuses of ['before', 'after', 'before', 'no'] as const) {
    log.refuses = refuses;
    recorder.miss('products', '1', undefined);
    await clock.advance(5_000);
  }
  expect(total(log.messages)).toBe(4);
  expect(recorder.stats).toMatchObject({ failed: 3, held: 0, dropped: 0 });
  await recorder.stop();
});

test('metrics hear of every access once, whether or not the log takes it', async () => {
  const { clock, log, recorder, told } = setUp();
  log.refuses = 'before';
  recorder.hit('products', '1', undefined, 0, 0);
  await clock.advance(10_000);
  recorder.hit('products', '1', undefined, 0, 0);
  await clock.advance(10_000);
  log.refuses = 'no';
  await recorder.stop();
  expect(told.map(({ event }) => (event as { accesses: number }).accesses)).toEqual([1, 1]);
});

test('above its bound keys are dropped, counted, and told once a flush', async () => {
  const { clock, log, recorder, told } = setUp({ maxKeys: 10 });
  for (let i = 0; i < 25; i++) recorder.hit('products', `key ${i}`, undefined, 0, 0);
  recorder.hit('products', 'key 0', undefined, 0, 0);
  await clock.advance(5_000);
  expect(total(log.messages)).toBe(11);
  expect(dropped(log.messages)).toBe(15);
  expect(told.filter(({ name }) => name === 'access:dropped')).toEqual([
    { name: 'access:dropped', event: { accesses: 15, why: 'bound' } },
  ]);
  recorder.hit('products', 'key 20', undefined, 0, 0);
  await recorder.stop();
  expect(total(log.messages)).toBe(12);
});

test('what cannot be sent at the end is told as dropped', async () => {
  const { log, recorder, told } = setUp();
  log.refuses = 'before';
  for (let i = 0; i < 5_000; i++) recorder.hit('products', `key ${i % 900}`, undefined, 0, 0);
  await recorder.stop();
  expect(told.at(-1)).toEqual({ name: 'access:dropped', event: { accesses: 5_000, why: 'store' } });
});

test('a large flush travels in messages of bounded size', async () => {
  const { log, recorder } = setUp({ maxKeys: 100_000 });
  for (let i = 0; i < 9_000; i++) recorder.hit(`cache${i % 2}`, `key ${i}`, undefined, 0, 0);
  for (let i = 0; i < 100; i++) recorder.hit('long', `${i}`.padEnd(8_000, 'x'), undefined, 0, 0);
  await recorder.stop();
  expect(total(log.messages)).toBe(9_100);
  for (const message of log.messages) expect(JSON.stringify(message).length).toBeLessThan(200_000);
});

test('whatever happens, each access is sent once, held, or counted as dropped', async () => {
  type Step =
    | { do: 'read'; key: number; caller: string | undefined; miss: boolean }
    | { do: 'flush' | 'hour' | 'no' | 'before' | 'after' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('read' as const),
        key: fc.nat(12),
        caller: fc.constantFrom(undefined, 'user', 'api', 'bot'),
        miss: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constantFrom('flush' as const, 'hour', 'no', 'before', 'after') }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const { clock, log, recorder } = setUp({ maxKeys: 6 });
      let demand = 0;
      let misses = 0;
      for (const each of steps) {
        if (each.do === 'read') {
          if (each.caller !== 'bot') demand += 1;
          if (each.miss && each.caller !== 'bot') misses += 1;
          if (each.miss) recorder.miss('c', `${each.key}`, each.caller);
          else recorder.hit('c', `${each.key}`, each.caller, 0, 0);
          expect(recorder.stats.held).toBeLessThanOrEqual(6);
        } else if (each.do === 'flush') await recorder.flush();
        else if (each.do === 'hour') await clock.advance(3_600_000);
        else log.refuses = each.do;
      }
      log.refuses = 'no';
      await recorder.stop();
      expect(total(log.messages) + recorder.stats.dropped).toBe(demand);
      expect(dropped(log.messages)).toBe(recorder.stats.dropped);
      const sent = Object.values(counted(log.messages)).reduce((sum, [, m]) => sum + m, 0);
      expect(sent).toBeLessThanOrEqual(misses);
      if (recorder.stats.dropped === 0) expect(sent).toBe(misses);
    }),
    { numRuns: 200 },
  );
});

import { expect, test } from 'vitest';
import { nextTurn } from '../../../src/clock.ts';
import { defineCache, defineOrigin, type Load } from '../../../src/define.ts';
import { createEmitter, type Events } from '../../../src/events.ts';
import { key } from '../../../src/key.ts';
import { createLoader, type LoadRequest } from '../../../src/origin/load.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

const setup = (load: Load<number, unknown>, options: { batch?: number } = {}) => {
  const clock = fakeClock();
  const events = createEmitter();
  const told: Events['load:settled'][] = [];
  events.on('load:settled', (event) => told.push(event));
  const def = defineCache('items', { origin: defineOrigin('db'), key: key.number, ttl: '1m', load });
  const loader = createLoader(def, { clock, events, timeoutMs: 1_000, batch: options.batch ?? 500 });
  const run = (ids: readonly number[], more: Partial<LoadRequest> = {}) =>
    loader({ ids, keys: ids.map(String), reason: 'warm', ...more });
  return { clock, told, run };
};
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

test('hands over a batch at a time, a few at once, and puts the values together by position', async () => {
  let running = 0;
  let most = 0;
  const sizes: number[] = [];
  const { run, told } = setup(
    async (ids, { reason }) => {
      most = Math.max(most, ++running);
      sizes.push(ids.length);
      await nextTurn();
      running -= 1;
      return ids.map((id) => `${reason} ${id}`);
    },
    { batch: 10 },
  );
  const { values, errors, asked } = await run(upTo(95));
  expect(values).toEqual(upTo(95).map((id) => `warm ${id}`));
  expect([errors.size, asked, sizes.at(-1), Math.max(...sizes), most]).toEqual([0, 95, 5, 10, 4]);
  expect(told).toHaveLength(10);
  expect(told[0]).toEqual({ cache: 'items', reason: 'warm', ids: 10, ms: 0, outcome: 'ok' });
});

test('a loader may keep and change the list it is given', async () => {
  const { run } = setup((ids) => ids.splice(0).map((id) => id * 2));
  expect((await run([1, 2])).values).toEqual([2, 4]);
});

test.each([[[137]], [[0]], [[499]], [[0, 250, 499]]])(
  'of five hundred ids only the bad ones fail: %j',
  async (bad) => {
    let calls = 0;
    const { run } = setup((ids) => {
      calls += 1;
      if (ids.some((id) => bad.includes(id))) throw new Error('invalid id');
      return new Map(ids.map((id) => [id, id]));
    });
    const { values, errors } = await run(upTo(500));
    expect([...errors.keys()].sort((a, b) => a - b)).toEqual(bad);
    expect(values.filter((value) => value !== undefined)).toHaveLength(500 - bad.length);
    for (const error of errors.values())
      expect(error).toMatchObject({
        code: 'E_LOAD_FAILED',
        message: '`caches.items.load` failed: invalid id',
      });
    expect(calls).toBeLessThanOrEqual(60);
  },
);

test('an origin that is down is not asked again and again', async () => {
  let calls = 0;
  const { run, told } = setup(() => {
    calls += 1;
    return Promise.reject(new Error('connection refused'));
  });
  const { errors, asked } = await run(upTo(500));
  expect(errors.size).toBe(500);
  expect(calls).toBeLessThanOrEqual(12);
  expect(asked).toBeLessThanOrEqual(2_000);
  expect(told.every(({ outcome }) => outcome === 'failed')).toBe(true);
});

test('many bad ids cost a bounded number of loads', async () => {
  let calls = 0;
  const { run } = setup((ids) => {
    calls += 1;
    if (ids.some((id) => id % 5 === 1)) throw new Error('invalid id');
    return ids;
  });
  const { errors } = await run(upTo(500));
  expect(calls).toBeLessThanOrEqual(100);
  for (const id of upTo(500).filter((id) => id % 5 === 1)) expect(errors.has(id)).toBe(true);
});

test('a wrong shape is not tried in parts', async () => {
  let calls = 0;
  const { run } = setup(() => {
    calls += 1;
    return 5 as never;
  });
  const { errors } = await run([1, 2]);
  expect([calls, errors.get(0)!.code, errors.get(1)!.code]).toEqual([1, 'E_LOAD_SHAPE', 'E_LOAD_SHAPE']);
});

test('a loader that never answers fails when its time is over, and what it says later is heard by nobody', async () => {
  let reject = (_: Error) => {};
  let signal: AbortSignal | undefined;
  const { run, clock, told } = setup((_, context) => {
    signal = context.signal;
    return new Promise((_, no) => {
      reject = no;
    });
  });
  const running = run([1, 2]);
  await clock.advance(999);
  expect(signal!.aborted).toBe(false);
  await clock.advance(1);
  const { errors, left } = await running;
  expect(errors.get(1)).toMatchObject({ code: 'E_LOAD_TIMEOUT' });
  expect(signal!.aborted).toBe(true);
  let isLeft = true;
  void left!.then(() => {
    isLeft = false;
  });
  await nextTurn();
  expect(isLeft).toBe(true);
  expect(told).toEqual([{ cache: 'items', reason: 'warm', ids: 2, ms: 1_000, outcome: 'timeout' }]);
  reject(new Error('late'));
  await nextTurn();
  expect(clock.pending).toBe(0);
  expect(isLeft).toBe(false);
});

test('a loader that heeds its signal tells the same timeout', async () => {
  const { run, clock } = setup(
    (_, { signal }) =>
      new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
      ),
  );
  const running = run([1]);
  await clock.advance(1_000);
  expect((await running).errors.get(0)).toMatchObject({ code: 'E_LOAD_TIMEOUT' });
});

test('a cancelled run stops at once and blames nobody', async () => {
  const cancel = new AbortController();
  const { run, told } = setup(() => new Promise(() => {}), { batch: 2 });
  const running = run([1, 2, 3], { signal: cancel.signal });
  cancel.abort(new Error('cancelled'));
  const { isAborted, errors } = await running;
  expect([isAborted, errors.size, told.length]).toEqual([true, 0, 0]);
  expect(await run([1], { signal: cancel.signal })).toMatchObject({ isAborted: true, asked: 0 });
});

test('what is thrown may be anything', async () => {
  const { run } = setup(() => {
    throw 'plain text';
  });
  expect((await run([1])).errors.get(0)).toMatchObject({
    code: 'E_LOAD_FAILED',
    message: '`caches.items.load` failed: plain text',
    cause: 'plain text',
  });
});

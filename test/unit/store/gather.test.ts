import { expect, test } from 'vitest';
import { createGather } from '../../../src/store/gather.ts';

type Gather = ReturnType<typeof createGather>;
const reader = (gather: Gather) => async (key: string) => {
  const { found, place } = gather(key);
  return (await found)[place];
};

const recorded = (answer: (keys: string[]) => Promise<(Buffer | undefined)[]>) => {
  const sent: string[][] = [];
  return {
    sent,
    get: reader(
      createGather((keys, told) => {
        sent.push(keys);
        answer(keys).then(told, (error: unknown) => told(undefined, error));
      }),
    ),
  };
};
const echo = async (keys: string[]) => keys.map((key) => (key === 'none' ? undefined : Buffer.from(key)));

test('reads of one tick leave as one command, and each gets its own', async () => {
  const { get, sent } = recorded(echo);
  const found = await Promise.all(['a', 'none', 'b', 'a'].map(get));
  expect(sent).toEqual([['a', 'none', 'b']]);
  expect(found.map((each) => each?.toString())).toEqual(['a', undefined, 'b', 'a']);
});

test('a read does not wait for those on their way', async () => {
  const release: (() => void)[] = [];
  const { get, sent } = recorded(async (keys) => {
    await new Promise<void>((resolve) => release.push(resolve));
    return echo(keys);
  });
  const first = get('a');
  await new Promise((resolve) => setImmediate(resolve));
  const second = get('b');
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toEqual([['a'], ['b']]);
  for (const go of release) go();
  expect(String(await first) + String(await second)).toBe('ab');
});

test('very many reads are several commands', async () => {
  const { get, sent } = recorded(echo);
  const found = await Promise.all(Array.from({ length: 300 }, (_, i) => get(String(i))));
  expect(sent.map((keys) => keys.length)).toEqual([128, 128, 44]);
  expect(found.map(String)).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
});

test('a failure is told to all who wait for it and to nobody else', async () => {
  const { get } = recorded((keys) => (keys.includes('bad') ? Promise.reject(new Error('away')) : echo(keys)));
  const results = await Promise.allSettled([get('bad'), get('a')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(String(await get('a'))).toBe('a');
});

test('half of many answers is handed out, and what that leads to is asked for before the rest', async () => {
  const order: string[] = [];
  const gather = createGather((keys, told) => {
    order.push(`asked for ${keys.length}`);
    void echo(keys).then(told);
  });
  const get = reader(gather);
  const twice = async (i: number) => {
    expect(String(await get(`first ${i}`))).toBe(`first ${i}`);
    order.push('answered');
    expect(String(await get(`next ${i}`))).toBe(`next ${i}`);
  };
  await Promise.all(Array.from({ length: 20 }, (_, i) => twice(i)));
  const half = new Array<string>(10).fill('answered');
  expect(order).toEqual(['asked for 20', ...half, 'asked for 10', ...half, 'asked for 10']);
});

test('few answers are handed out at once', async () => {
  const { get, sent } = recorded(echo);
  const twice = async (i: number) => [await get(`first ${i}`), await get(`next ${i}`)];
  await Promise.all(Array.from({ length: 15 }, (_, i) => twice(i)));
  expect(sent.map((keys) => keys.length)).toEqual([15, 15]);
});

test('who asks for a key before it leaves asks what those before him asked, and who asks later does not', async () => {
  const gather = createGather((keys, told) => void echo(keys).then(told));
  const first = gather('a');
  expect([gather('b'), gather('a')]).toEqual([expect.objectContaining({ place: 1 }), first]);
  expect(gather('a')).toBe(first);
  await first.found;
  expect(gather('a')).not.toBe(first);
});

test('where nothing was found all hear of it at once', async () => {
  const gather = createGather((keys, told) => void Promise.resolve(keys.map(() => undefined)).then(told));
  const get = reader(gather);
  let left = 20;
  const heard = Array.from({ length: left }, async (_, i) => {
    await get(String(i));
    left -= 1;
  });
  await heard[0];
  await Promise.resolve();
  expect(left).toBe(0);
  await Promise.all(heard);
});

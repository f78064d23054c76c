import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { defineCache } from '../../src/define.ts';
import { key } from '../../src/key.ts';
import { counter, shop } from './cache-counter.ts';

const origin = shop({ timeout: '80ms' });
const context = new AsyncLocalStorage<string>();
/** What the loader does, and how many of a key's loads run at once at most. */
let answer: (id: number) => Promise<unknown> = async () => undefined;
const running = new Map<number, number>();
const most = new Map<number, number>();
const seen = new Map<number, string | undefined>();
const items = defineCache('items', {
  origin: origin.origin,
  key: key.number,
  ttl: '1m',
  negativeTtl: 0,
  async load(ids: number[], { signal }) {
    for (const id of ids) {
      seen.set(id, context.getStore());
      running.set(id, (running.get(id) ?? 0) + 1);
      most.set(id, Math.max(most.get(id) ?? 0, running.get(id)!));
    }
    const ended = () => {
      for (const id of ids) running.set(id, running.get(id)! - 1);
    };
    signal.addEventListener('abort', ended, { once: true });
    try {
      return new Map(await Promise.all(ids.map(async (id) => [id, await answer(id)] as const)));
    } finally {
      if (!signal.aborted) ended();
    }
  },
});
const [one, two] = [await counter([items]), await counter([items])];

test.each<[string, number, (id: number) => Promise<unknown>]>([
  ['throws', 1, () => systemClock.sleep(15).then(() => Promise.reject(new Error('ill')))],
  ['has nothing', 2, () => systemClock.sleep(15)],
  ['never answers', 3, () => new Promise(() => {})],
  ['throws at once', 4, () => Promise.reject(new Error('ill'))],
])(
  'of overlapping callers in two processes never two load a key at once, whose loader %s',
  async (_, id, does) => {
    answer = does;
    most.clear();
    const outcomes: Promise<unknown>[] = [];
    for (let caller = 0; caller < 8; caller++) {
      const cache = (caller % 2 === 0 ? one : two).caches.open(items);
      outcomes.push(
        cache.get(id).then(
          (value) => value,
          ({ code }: { code: string }) => code,
        ),
      );
      await systemClock.sleep(6);
    }
    const told = new Set(await Promise.all(outcomes));
    const expected = { 1: 'E_LOAD_FAILED', 2: undefined, 3: 'E_LOAD_TIMEOUT', 4: 'E_LOAD_FAILED' }[id];
    expect(told).toEqual(new Set([expected]));
    expect(most.get(id)).toBe(1);
  },
);

test('a loader runs in the context of who asked for its key, whoever asks beside him', async () => {
  answer = async (id) => ({ id });
  const cache = one.caches.open(items);
  const ask = (id: number) => context.run(`request ${id}`, () => cache.get(id));
  const ids = Array.from({ length: 20 }, (_, i) => 100 + i);
  await Promise.all(ids.map(ask));
  expect(ids.map((id) => seen.get(id))).toEqual(ids.map((id) => `request ${id}`));
  expect(context.getStore()).toBeUndefined();
});

import { afterAll, beforeEach, expect, test } from 'vitest';
import { defineCache } from '../../src/define.ts';
import { startProxy, until } from '../support/index.ts';
import { counter, shop, soldBy, urls } from './cache-counter.ts';

const origin = shop();
const base = soldBy(origin);
const plain = defineCache('plain', base);
const tagged = defineCache('tagged', { ...base, tags: () => ['all'] });
/** What it loads holds for those who had asked before it came, and for nobody after. */
let opened = new Promise<void>(() => {});
let begun = 0;
const fleeting = defineCache('fleeting', {
  ...base,
  ttl: () => 0,
  async load(ids: number[]) {
    begun += 1;
    await opened;
    return ids.map(() => 'brief');
  },
});
const defs = [plain, tagged, fleeting];
const proxy = await startProxy(urls().cacheUrl);
afterAll(() => proxy.close());
// One answer comes in time, two do not.
const commandTimeoutMs = 500;
const answerMs = 300;
const slow = await counter(defs, { cacheUrl: proxy.url, commandTimeoutMs });
const quick = await counter(defs);

beforeEach(async () => {
  proxy.pass();
  await slow.caches.settled();
  await quick.cacheRedis.flushdb();
  await until(() => slow.cacheRedis.status === 'ready' && !slow.outage.isAway, 'in use');
});

test.each([plain, tagged])(
  'a miss of $name waits once for a slow Redis, not at each of its questions',
  async (def) => {
    origin.rows.set(1, 'pot');
    expect(await slow.caches.open(def).get(1)).toBe('pot');
    await slow.caches.settled();
    expect(await quick.caches.open(def).has(1)).toBe(true);
    await quick.caches.open(def).delete(1);
    slow.told('store:failed').length = 0;
    proxy.delay(answerMs / 2);
    expect(await slow.caches.open(def).get(1)).toBe('pot');
    expect(slow.told('store:failed').length).toBeGreaterThan(0);
    proxy.pass();
    await slow.caches.settled();
    // What is loaded past the store is not stored.
    expect(await quick.caches.open(def).has(1)).toBe(false);
    // The lease that came too late was given back: somebody else loads at once.
    await until(async () => (await quick.cacheRedis.keys('test:*:l')).length === 0, 'no lease is held');
    expect(await quick.caches.open(def).get(1)).toBe('pot');
    await quick.caches.settled();
    expect(await quick.caches.open(def).has(1)).toBe(true);
  },
);

test('a value that is there is read, however slow, within the time of one command', async () => {
  origin.rows.set(2, 'pan');
  await quick.caches.open(plain).get(2);
  await quick.caches.settled();
  origin.loads.length = 0;
  proxy.delay(answerMs / 4);
  expect(await slow.caches.open(plain).get(2)).toBe('pan');
  expect(origin.loads).toEqual([]);
});

test.each([
  ['get', async () => slow.caches.open(tagged).get(3)],
  ['getMany', async () => (await slow.caches.open(tagged).getMany([3])).get(3)],
])('%s of a value whose tags take too long as well waits for one command, then loads', async (_, read) => {
  origin.rows.set(3, 'old');
  await quick.caches.open(tagged).get(3);
  await quick.caches.settled();
  origin.rows.set(3, 'new');
  // The first answer comes in time, the second would be beyond the time of one.
  proxy.delay(answerMs / 2);
  expect(await read()).toBe('new');
  proxy.pass();
  await slow.caches.settled();
  expect(await quick.caches.open(tagged).get(3)).toBe('old');
});

test('who waited for a load that is not for him has a whole patience for his next question', async () => {
  let open = () => {};
  opened = new Promise((resolve) => {
    open = resolve;
  });
  const cache = slow.caches.open(fleeting);
  const first = cache.get(4);
  await until(() => begun === 1, 'it is being loaded');
  const from = performance.now();
  const second = cache.get(4);
  await until(() => performance.now() - from > commandTimeoutMs, 'longer than a question may take');
  slow.told('store:failed').length = 0;
  proxy.delay(commandTimeoutMs / 8);
  open();
  expect(await Promise.all([first, second])).toEqual(['brief', 'brief']);
  expect(slow.told('store:failed')).toEqual([]);
});

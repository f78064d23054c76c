/**
 * What an application may write, and what must not compile. Type-checked by types.test.ts and never run.
 * An expected error that does not come is an error itself.
 */
import { z } from 'zod';
import { builtinJobs, plan, warm } from '../../jobs/index.ts';
import {
  defineCache,
  defineConfig,
  defineJob,
  defineOrigin,
  done,
  http,
  type JobDef,
  key,
  memoize,
  query,
  schedule,
  ttl,
} from '../../src/index.ts';
import { createSamovar } from '../../src/samovar.ts';

interface Product {
  readonly id: number;
  readonly name: string;
}
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isTrue = <T extends true>(_?: T): void => undefined;

const origin = defineOrigin('catalog', { budget: { perSecond: 250 } });
const products = defineCache('products', {
  origin,
  key: key.number,
  load: async (ids, { signal }) => {
    isTrue<Same<typeof ids, number[]>>();
    isTrue<Same<typeof signal, AbortSignal>>();
    return new Map<number, Product>();
  },
  ttl: '10m',
  tags: (id, product) => [`product:${id.toFixed()}`, product.name],
  warm: { also: [{ ids: [1, 2] }] },
});
const searches = defineCache('searches', {
  origin,
  key: key.string,
  load: (queries) => queries.map((query) => ({ query })),
  ttl: 60_000,
});

const typed = defineCache('typed', {
  origin,
  key: key.number,
  load: async (_ids): Promise<Map<number, Product | null>> => new Map(),
  ttl: (value, id) => {
    isTrue<Same<typeof value, Product | null>>();
    isTrue<Same<typeof id, number>>();
    return '5m';
  },
  codec: {
    encode: (value) => {
      isTrue<Same<typeof value, Product | null>>();
      return JSON.stringify(value);
    },
    decode: (bytes) => JSON.parse(bytes.toString()) as Product,
  },
  schema: z.object({ id: z.number(), name: z.string() }).nullable(),
  grace: '1h',
  timeouts: { soft: '50ms', hard: '2s' },
});

// ---- definitions ----

const base = { origin, key: key.number, ttl: '1m' } as const;
const load = async () => new Map<number, Product>();

// @ts-expect-error a duration has a unit
defineCache('x', { ...base, load, ttl: '10 minutes' });
// @ts-expect-error the loader's ids are numbers
defineCache('x', { ...base, load: async (ids: string[]) => ids });
// @ts-expect-error an option that does not exist
defineCache('x', { ...base, load, tll: '1m' });
// @ts-expect-error ids of the cache's own type
defineCache('x', { ...base, load, warm: { also: [{ ids: ['1'] }] } });
// @ts-expect-error a schema of another shape
defineCache('x', { ...base, load, schema: z.object({ price: z.number() }) });
// @ts-expect-error a ttl that depends on what values do not have
defineCache('x', { ...base, load, ttl: (value) => value.price });
defineCache('x', { ...base, load, ttl: ttl.sliding('1m', { most: '1h' }) });
defineCache('x', { ...base, load, ttl: ttl.tiers({ hot: '1h', warm: '10m', cold: '1m' }) });
defineCache('x', { ...base, load, holdOff: '2s' });
// @ts-expect-error a duration has a unit
defineCache('x', { ...base, load, holdOff: '2 seconds' });
defineCache('x', { ...base, load, refreshAhead: 0.8 });
defineCache('x', {
  ...base,
  load,
  refreshAhead: { at: 0.5, refreshCost: 1, min: 0.5, max: 1, gatherFor: '5s' },
});
// @ts-expect-error there is no such option of refreshing
defineCache('x', { ...base, load, refreshAhead: { threshold: 0.5 } });
defineCache('x', {
  ...base,
  load,
  refreshAhead: 0.8,
  stillCurrent: (old) => {
    isTrue<Same<typeof old, ReadonlyMap<number, Product>>>();
    return old.keys();
  },
});
// @ts-expect-error ids are answered, not values
defineCache('x', { ...base, load, stillCurrent: (old) => old.values() });
defineCache('x', {
  ...base,
  load,
  invalidateOn: { table: 'products', id: ['shop', 'id'], columns: ['price'] },
});
defineCache('x', { ...base, load, invalidateOn: [{ table: 'a' }, { table: 'b', tags: ['b:{id}'] }] });
// @ts-expect-error a table must be named
defineCache('x', { ...base, load, invalidateOn: { id: 'id' } });
// @ts-expect-error there is no such option of a table
defineCache('x', { ...base, load, invalidateOn: { table: 'products', column: 'id' } });
// @ts-expect-error there is no such codec
defineCache('x', { ...base, load, codec: 'yaml' });
// @ts-expect-error there is no such option of a budget
defineOrigin('x', { budget: { persecond: 1 } });

const rates = memoize('rates', async (from: string, on?: Date) => ({ from, on }), { origin, ttl: '1m' });
const pool = { query: async () => ({ rows: [] }) };
const orders = query('orders', pool, 'select 1', {
  origin,
  ttl: '1m',
  params: (customer: string) => [customer],
  row: ({ id }: { id: number }) => ({ no: id }),
});
const anything = query('anything', pool, 'select 1', { origin, ttl: '1m' });
const web = http('web', { origin, hosts: ['example.com'] });
// @ts-expect-error hosts must be named
http('web', { origin });
// @ts-expect-error it holds as long as the answer says; only what says nothing has a ttl of its own
http('web', { origin, hosts: ['example.com'], ttl: () => 5 });

// ---- configuration ----

const config = defineConfig({
  caches: [products, searches, typed, rates, orders, anything, web],
  jobs: [...builtinJobs],
  schedules: [schedule('*/15 * * * *', plan, { cache: 'products' })],
});
defineConfig({ caches: [products], schedules: 'auto' });
defineConfig({ caches: [products], schedules: ['auto', schedule('* * * * *', plan, { cache: 'products' })] });
// @ts-expect-error there is one such word
defineConfig({ caches: [products], schedules: 'daily' });
// @ts-expect-error a schedule of a cache that is not there
defineConfig({ caches: [products], schedules: [schedule('* * * * *', plan, { cache: 'product' })] });
// @ts-expect-error there is no such option
defineConfig({ caches: [products], schedule: [] });
// @ts-expect-error a payload the job does not take
schedule('* * * * *', plan, { cache: 'products', top: 'all' });

// ---- use ----

const samovar = await createSamovar(config);

const product = await samovar.cache(products).get(42);
isTrue<Same<typeof product, Product | undefined>>();
const many = await samovar.cache(products).getMany([1, 2]);
isTrue<Same<typeof many, Map<number, Product>>>();
const found = await samovar.cache(searches).get('tea');
isTrue<Same<typeof found, { query: string } | undefined>>();

await samovar.cache(typed).set(1, null, { ttl: '1m' });
await samovar.cache(products).set(1, { id: 1, name: 'pot' }, { tags: ['new'] });
// @ts-expect-error a product has a name
await samovar.cache(products).set(1, { id: 1 });
const orNull = await samovar.cache(typed).get(1, { maxStale: '10s', fallback: () => undefined });
// @ts-expect-error a fallback gives a value of the cache
await samovar.cache(typed).get(1, { fallback: () => 7n });
isTrue<Same<typeof orNull, Product | null | undefined>>();
await samovar.invalidate({ tags: ['a'], mode: 'expire' });
// @ts-expect-error there is no such way
await samovar.invalidate({ tags: ['a'], mode: 'soft' });
await samovar.invalidate({ cache: products, ids: [1], rewarm: true });
await samovar.invalidate({ cache: 'products', keys: ['1'] });
await samovar.invalidate({ table: 'orders' });
// @ts-expect-error ids of products are numbers
await samovar.invalidate({ cache: products, ids: ['1'] });
// @ts-expect-error there is no such cache
await samovar.invalidate({ cache: 'product', keys: ['1'] });

// @ts-expect-error ids of products are numbers
await samovar.cache(products).get('42');
// @ts-expect-error ids of searches are texts
await samovar.cache(searches).getMany([1]);
// @ts-expect-error a product has no price
(await samovar.cache(products).get(42))?.price;

const rate = await samovar.callable(rates)('EUR');
isTrue<Same<typeof rate, { from: string; on: Date | undefined }>>();
// @ts-expect-error a text is wanted
await samovar.callable(rates)(7);
// @ts-expect-error not so many
await samovar.callable(rates).invalidate('EUR', new Date(0), 1);
const rows = await samovar.callable(orders)('ann');
isTrue<Same<typeof rows, { no: number }[]>>();
// @ts-expect-error a text is wanted
await samovar.callable(orders)();
const any = await samovar.callable(anything)(1, 'a');
isTrue<Same<typeof any, Record<string, unknown>[]>>();
// @ts-expect-error its ids are no lists of arguments
samovar.callable(products);
const response = await samovar.fetcher(web)('https://example.com/');
isTrue<Same<typeof response, Response>>();
// @ts-expect-error only GET and HEAD
await samovar.fetcher(web)('https://example.com/', { method: 'POST' });
const settled = (await samovar.cache(products).getSettled([1])).get(1)!;
if (settled.state === 'value') isTrue<Same<typeof settled.value, Product>>();
await samovar.cache(products).write(1, { id: 1, name: 'pot' });
// @ts-expect-error a product has a name
await samovar.cache(products).write(1, { id: 1 });

await samovar.enqueue(plan, { cache: 'products', top: 100 });
// @ts-expect-error there is no such cache
await samovar.enqueue(plan, { cache: 'product' });
// @ts-expect-error a number is wanted
await samovar.enqueue(plan, { cache: 'products', top: 'all' });
// @ts-expect-error a cache must be named
await samovar.enqueue(plan, {});
// @ts-expect-error a lane belongs to a cache that is there
await samovar.enqueue(warm, { cache: 'product', plan: 1, lane: 0 });

await samovar.plan('searches', { top: 10 });
// @ts-expect-error there is no such cache
await samovar.plan('search');
// @ts-expect-error there is no such cache
await samovar.warm('search');

// ---- jobs of one's own ----

const report = defineJob('report', {
  about: 'caches → a line in the log',
  reads: ['caches'],
  writes: [],
  payload: z.object({ days: z.number() }),
  async run({ days }, from, to) {
    isTrue<Same<typeof days, number>>();
    from.caches.names();
    // @ts-expect-error it did not say that it reads plans
    from.plans;
    // @ts-expect-error it did not say that it changes the queue
    to.queue;
    return done({ days });
  },
});
isTrue<
  typeof report extends JobDef<'report', { days: number }, { days: number }, 'caches', never> ? true : false
>();
await samovar.enqueue(report, { days: 7 });
// @ts-expect-error the payload is what its schema says
await samovar.enqueue(report, { weeks: 1 });
const rest = { about: 'x', writes: [], payload: z.object({}), run: async () => done({}) } as const;
// @ts-expect-error there is no such room
defineJob('x', { ...rest, reads: ['kitchen'] });

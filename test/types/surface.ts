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
  type JobDef,
  key,
  schedule,
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
// @ts-expect-error there is no such option of a budget
defineOrigin('x', { budget: { persecond: 1 } });

// ---- configuration ----

const config = defineConfig({
  caches: [products, searches],
  jobs: [...builtinJobs],
  schedules: [schedule('*/15 * * * *', plan, { cache: 'products' })],
});
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

// @ts-expect-error ids of products are numbers
await samovar.cache(products).get('42');
// @ts-expect-error ids of searches are texts
await samovar.cache(searches).getMany([1]);
// @ts-expect-error a product has no price
(await samovar.cache(products).get(42))?.price;

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

import { collect } from '../change/collect.ts';
import { transact } from '../change/transaction.ts';
import { reachOf } from '../change/watch.ts';
import type { AnyCacheDef } from '../define.ts';
import { SamovarError } from '../errors.ts';
import type { Client, InvalidateRequest } from '../facade.ts';
import { configured } from './configured.ts';
import type { Ground } from './ground.ts';
import { definitionOf } from './wishes.ts';

type Invalidating = Pick<Client, 'invalidate' | 'invalidateIn' | 'collect' | 'transaction'>;

/** Keys in one job, and in one row of the outbox. */
const mostKeys = 10_000;

const nameOf = (cache: InvalidateRequest['cache']): string | undefined =>
  cache === undefined || typeof cache === 'string' ? cache : cache.name;

function keysOf(def: AnyCacheDef | undefined, { ids = [], keys = [] }: InvalidateRequest): string[] {
  if (ids.length + keys.length === 0) return [];
  if (def === undefined)
    throw new SamovarError('E_USAGE', 'expected the name of a cache beside what of it to invalidate');
  return [...new Set([...keys, ...ids.map((id) => def.key.encode(id))])];
}

/** All the ways in which an application says that something changed. */
export function createInvalidating({
  config,
  caches,
  producer,
}: Pick<Ground, 'config' | 'caches' | 'producer'>): Invalidating {
  /** A table stands for what depends on it. */
  const flat = ({ table, ...what }: InvalidateRequest): InvalidateRequest[] => {
    if (table === undefined) return [what];
    const reach = reachOf(config.caches, table);
    if (reach.caches.length + reach.tags.length === 0)
      throw new SamovarError('E_USAGE', `no cache depends on a table '${table}'`, {
        hints: ['name it as `invalidateOn` or `tables` of a cache does'],
      });
    const { mode, rewarm } = what;
    return [
      ...(what.cache === undefined && what.tags === undefined ? [] : [what]),
      ...reach.caches.map((cache): InvalidateRequest => ({ cache, all: true, mode, rewarm })),
      ...(reach.tags.length === 0 ? [] : [{ tags: reach.tags, mode, rewarm }]),
    ];
  };

  const one = async (what: InvalidateRequest) => {
    const { tags = [], all = false, rewarm = false } = what;
    const cache = nameOf(what.cache);
    const mode = what.mode ?? (rewarm ? 'expire' : 'purge');
    const def = cache === undefined ? undefined : definitionOf(config, cache);
    const job = rewarm ? configured(config, 'invalidate') : '';
    const keys = keysOf(def, what);
    const done = await caches.invalidate({
      ...(cache === undefined ? {} : { cache }),
      keys,
      tags,
      all,
      mode,
    });
    const jobs: string[] = [];
    if (rewarm) {
      const add = async (more: object) =>
        void jobs.push(await producer.enqueue(job, { cache, mode, rewarm, isDone: true, ...more }));
      for (let from = 0; from < keys.length; from += mostKeys)
        await add({ keys: keys.slice(from, from + mostKeys) });
      if (tags.length > 0) await add({ tags });
      if (all) await add({ all });
    }
    return { ...done, jobs };
  };

  const invalidate = async (what: InvalidateRequest) => {
    const total = { keys: 0, tags: 0, jobs: [] as string[] };
    for (const each of flat(what)) {
      const done = await one(each);
      total.keys += done.keys;
      total.tags += done.tags;
      total.jobs.push(...done.jobs);
    }
    return total;
  };
  const carryOut = async (all: readonly InvalidateRequest[]): Promise<void> => {
    for (const what of all) await invalidate(what);
  };

  return {
    invalidate: invalidate as Client['invalidate'],

    async invalidateIn(client, what) {
      for (const each of flat(what as InvalidateRequest)) {
        const cache = nameOf(each.cache);
        const def = cache === undefined ? undefined : definitionOf(config, cache);
        const { tags = [], all = false, rewarm = false, mode = rewarm ? 'expire' : 'purge' } = each;
        await client.query('select samovar.change_add($1::text[], $2, $3::text[], $4::text[], $5, $6, $7)', [
          cache === undefined ? [] : [cache],
          'key',
          keysOf(def, each),
          [...tags],
          all,
          mode,
          rewarm,
        ]);
      }
    },

    collect: () => collect(carryOut),

    transaction: (pool, work) => transact(pool, carryOut, work),
  };
}

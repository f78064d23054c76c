import { collect } from '../change/collect.ts';
import { transact } from '../change/transaction.ts';
import { reachOf } from '../change/watch.ts';
import type { AnyCacheDef } from '../define.ts';
import { SamovarError } from '../errors.ts';
import type { Client, InvalidateRequest } from '../facade.ts';
import { configured, definitionOf } from './configured.ts';
import type { Ground } from './ground.ts';

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

/** E_USAGE where nothing does. */
export function whatDependsOn(caches: readonly AnyCacheDef[], table: string): ReturnType<typeof reachOf> {
  const reach = reachOf(caches, table);
  if (reach.caches.length + reach.tags.length > 0) return reach;
  throw new SamovarError('E_USAGE', `no cache depends on a table '${table}'`, {
    hints: ['name it as `invalidateOn` or `tables` of a cache does'],
  });
}

type Parts = Pick<Ground, 'config' | 'caches' | 'producer'>;

/** Carries requests out. `isSure` = it fails where Redis does not accept it all. */
function createCarrier({ config, caches, producer }: Parts) {
  /** A table stands for what depends on it. */
  const flat = ({ table, ...what }: InvalidateRequest): InvalidateRequest[] => {
    if (table === undefined) return [what];
    const reach = whatDependsOn(config.caches, table);
    const { mode, rewarm } = what;
    return [
      ...(what.cache === undefined && what.tags === undefined ? [] : [what]),
      ...reach.caches.map((cache): InvalidateRequest => ({ cache, all: true, mode, rewarm })),
      ...(reach.tags.length === 0 ? [] : [{ tags: reach.tags, mode, rewarm }]),
    ];
  };

  const one = async (what: InvalidateRequest, isSure: boolean) => {
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
      isSure,
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

  const carryOut = async (what: InvalidateRequest, isSure = false) => {
    const total = { keys: 0, tags: 0, jobs: [] as string[] };
    for (const each of flat(what)) {
      const done = await one(each, isSure);
      total.keys += done.keys;
      total.tags += done.tags;
      total.jobs.push(...done.jobs);
    }
    return total;
  };
  return { flat, carryOut };
}

/** For what must not be lost with this process. */
export const createSureCarrier = (parts: Parts): ((what: InvalidateRequest) => Promise<unknown>) => {
  const { carryOut } = createCarrier(parts);
  return (what) => carryOut(what, true);
};

/** All the ways in which an application says that something changed. */
export function createInvalidating(parts: Parts): Invalidating {
  const { config } = parts;
  const { flat, carryOut } = createCarrier(parts);
  const carryAll = async (all: readonly InvalidateRequest[]): Promise<void> => {
    for (const what of all) await carryOut(what);
  };

  return {
    invalidate: (what) => carryOut(what as InvalidateRequest),

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

    collect: () => collect(carryAll),

    transaction: (pool, work) => transact(pool, carryAll, work),
  };
}

import { behindSettingsOf } from '../cache/behind-settings.ts';
import type { Caches } from '../cache/caches.ts';
import type { Pool } from '../connect.ts';
import { defaults } from '../defaults.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Dirty, DirtyRow } from '../dirty/dirty.ts';
import { createFlusher, type Flusher } from '../dirty/flusher.ts';
import { createDirtyRecords } from '../dirty/postgres.ts';
import { createFunctionTarget } from '../dirty/postgres-function.ts';
import { createUpsertTarget } from '../dirty/postgres-upsert.ts';
import type { Target, TargetRow } from '../dirty/target.ts';
import { durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { isUpsert } from '../upsert.ts';
import { newHolder } from './dirty.ts';
import type { Ground } from './ground.ts';

/** A worker that died leaves its partitions to others after this time. */
const leaseMs = 10_000;
/** Statements of one cache under way at once. */
const lanes = 2;
/** Statements a minute: a hundred a second are no load, and find several bad rows in each of them. */
const mostSearches = 6_000;

/** Where the writes of a cache go. */
export function targetOf(def: AnyCacheDef, pool: Pool, { clock }: Pick<Ground, 'clock'>): Target {
  const { name: cache, write, origin } = def;
  if (write === undefined)
    throw new SamovarError('E_CONFIG', `\`caches.${cache}\` buffers writes and has no \`write\``, {
      hints: ["say where they go: write: upsert({ table: '…', … }), or a function"],
    });
  if (typeof write !== 'function') return createUpsertTarget(pool, { cache, def: write });
  const timeoutMs = durationMs(origin.timeout ?? defaults.origin.timeoutMs, `origins.${origin.name}.timeout`);
  return createFunctionTarget(pool, { cache, write, timeoutMs, clock });
}

/** One for each cache that buffers writes. */
export function createFlushers(ground: Ground, pool: Pool): ReadonlyMap<string, Flusher> {
  const { config, dirty, caches, clock, events, log, reached } = ground;
  const flushers = new Map<string, Flusher>();
  if (dirty === undefined) return flushers;
  const grants = createDirtyRecords(pool);
  const holder = newHolder();
  for (const def of config.caches) {
    const settings = behindSettingsOf(def, dirty.partitions);
    if (settings === undefined) continue;
    const { delayMs, batch, mostDead } = settings;
    flushers.set(
      def.name,
      createFlusher({
        cache: def.name,
        settings: { delayMs, batch, mostDead, mostSearches, leaseMs, lanes },
        dirty,
        grants,
        target: targetOf(def, pool, ground),
        openRow: (row) => rowOf(def, caches, row),
        // What is left there is older than what the origin has, or another form of it.
        written: async (keys) => {
          await caches
            .forget(def.name, keys)
            .catch((error: unknown) =>
              log.warn({ cache: def.name, reason: messageOf(error) }, 'entries were not forgotten'),
            );
        },
        holder,
        clock,
        events,
        ...(reached ? { reached } : {}),
      }),
    );
  }
  return flushers;
}

const isWhole = ({ write, schema }: AnyCacheDef): boolean =>
  schema === undefined && isUpsert(write) && write.columns.every(([, of]) => of === '*');

function rowOf(
  def: AnyCacheDef,
  caches: Pick<Caches, 'read'>,
  { partition, key, version, form }: DirtyRow,
): TargetRow | Promise<TargetRow> {
  const id = def.key.decode(key);
  const row = (value: unknown, json?: string | Buffer): TargetRow => ({
    partition,
    key,
    version,
    id,
    value,
    json,
  });
  if (form === undefined) return row(undefined);
  const unreadable = (error: unknown) =>
    new SamovarError('E_ENCODE', `a dirty value of caches.${def.name} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  try {
    const json = form.flags === 0 ? form.body : undefined;
    // The table gets it as it is: nobody looks into it.
    if (json !== undefined && isWhole(def)) return row(json, json);
    const value = caches.read(def.name, form);
    if (!(value instanceof Promise)) return row(value, json);
    return value.then(
      (read: unknown) => row(read, json),
      (error: unknown) => Promise.reject(unreadable(error)),
    );
  } catch (error) {
    throw unreadable(error);
  }
}

/** How often a worker looks for writes that are due. */
export const tickMsOf = (def: AnyCacheDef, dirty: Dirty): number =>
  Math.min(1_000, Math.max(50, (behindSettingsOf(def, dirty.partitions)?.delayMs ?? 0) / 4));

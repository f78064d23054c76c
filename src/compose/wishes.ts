import type { Config } from '../config.ts';
import { defaults } from '../defaults.ts';
import type { AnyCacheDef } from '../define.ts';
import { durationMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { holdOffMsOf } from '../hold-off.ts';
import { isHashed, longestKeyBytes } from '../key.ts';
import type { Reads, ResolvedWarm, Wish } from '../rooms.ts';
import { policyOf } from '../ttl/ttl.ts';
import { definitionOf } from './configured.ts';

/** What the definitions say of their plans, as jobs see it. */
export function createWishes(config: Pick<Config, 'caches'>): Reads['caches'] {
  return {
    names: () => config.caches.map((def) => def.name),
    warmOptions: (cache) => resolveWarm(definitionOf(config, cache)),
    async wishes(cache, signal) {
      const def = definitionOf(config, cache);
      const found: Wish[][] = [];
      for (const [i, source] of (def.warm?.also ?? []).entries()) {
        const path = `caches.${cache}.warm.also[${i}]`;
        if ('ids' in source) found.push(toWishes(def, source.ids, 'list', path));
        else if ('from' in source)
          found.push(toWishes(def, await asked(source.from, signal, path), 'function', path));
      }
      return found.flat();
    },
  };
}

/** Lanes of one run; as many as one worker process works at once. */
const mostLanes = 8;

function resolveWarm(def: AnyCacheDef): ResolvedWarm {
  const warm = def.warm ?? {};
  const at = `caches.${def.name}`;
  const sources = warm.also ?? [];
  const { perSecond, concurrency = defaults.origin.concurrency } = def.origin.budget ?? {};
  return {
    top: warm.top ?? defaults.warm.top,
    horizonMs: durationMs(warm.horizon ?? defaults.warm.horizonMs, `${at}.warm.horizon`),
    ttlMs: policyOf(def).usualMs,
    maxTimeMs: durationMs(warm.maxTime ?? defaults.warm.maxTimeMs, `${at}.warm.maxTime`),
    memoryMark: warm.memoryMark ?? defaults.warm.memoryMark,
    overlap: warm.overlap ?? defaults.warm.overlap,
    holdOffMs: holdOffMsOf(def),
    origin: def.origin.name,
    concurrency,
    // Twice the loads at once: while some load, others write and settle.
    lanes: Math.max(1, Math.min(mostLanes, 2 * concurrency)),
    sql: sources.flatMap((source) =>
      'sql' in source ? [{ sql: source.sql, params: source.params ?? [] }] : [],
    ),
    tags: sources.flatMap((source) => ('tags' in source ? [...source.tags] : [])),
    ...(warm.maxBytes === undefined ? {} : { maxBytes: warm.maxBytes }),
    ...(perSecond === undefined ? {} : { perSecond }),
  };
}

async function asked(
  from: (context: { signal: AbortSignal }) => Promise<Iterable<unknown>> | Iterable<unknown>,
  signal: AbortSignal,
  path: string,
): Promise<Iterable<unknown>> {
  try {
    return await from({ signal });
  } catch (error) {
    throw new SamovarError('E_LOAD_FAILED', `\`${path}.from\` threw: ${messageOf(error)}`, { cause: error });
  }
}

function toWishes(def: AnyCacheDef, ids: Iterable<unknown>, source: Wish['source'], path: string): Wish[] {
  const isIterable = typeof (ids as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] === 'function';
  if (!isIterable || typeof ids === 'string') {
    throw new SamovarError('E_LOAD_SHAPE', `expected \`${path}\` to give a list of ids, got ${typeof ids}`);
  }
  return [...ids].map((id) => {
    const key = def.key.encode(id);
    if (!isHashed(key)) return { key, source };
    throw new SamovarError('E_KEY', `\`${path}\` names an id that is too long to be planned for`, {
      hints: [`plans hold keys of at most ${longestKeyBytes} bytes`],
    });
  });
}

import type { ImportMap, ImportPattern } from '../config.ts';
import type { AnyCacheDef } from '../define.ts';
import { nearest, SamovarError } from '../errors.ts';
import type { HistoryLine } from './import-line.ts';
import { storableKey } from './message.ts';

/** Why a line is no read of a cache. */
export type SkipReason = 'notGet' | 'failedRequest' | 'unmapped' | 'unknownCache' | 'badKey';
export interface Mapped {
  readonly cache: string;
  readonly key: string;
}
export type MapLine = (line: HistoryLine) => Mapped | SkipReason;

export interface MapOptions {
  readonly caches: readonly AnyCacheDef[];
  readonly map: ImportMap | readonly ImportPattern[] | undefined;
  /** Every line is a read of this cache. */
  readonly cache: string | undefined;
  /** Columns that every line has; undefined where they differ. */
  readonly columns: readonly string[] | undefined;
}

/** Which cache and key a line is a read of. Throws when no line could say so. */
export function createMap({ caches, map, cache, columns }: MapOptions): MapLine {
  const defs = new Map(caches.map((def) => [def.name, def]));
  if (cache !== undefined && !defs.has(cache)) throw unknownCache(cache, [...defs.keys()]);
  if (cache === undefined && map === undefined && columns !== undefined && !columns.includes('cache')) {
    const example = caches[0]?.name ?? 'products';
    throw new SamovarError('E_IMPORT', 'cannot tell which cache these lines are reads of', {
      hints: [
        `all of one cache: samovar import --cache ${example} …`,
        `by path, in samovar.config.ts: import: { map: [{ cache: '${example}', path: '/${example}/:id' }] }`,
      ],
    });
  }
  const find = chooser(cache, map);
  return (line) => {
    if (line.method !== undefined && line.method !== 'GET') return 'notGet';
    if (line.status !== undefined && line.status >= 400) return 'failedRequest';
    const found = find(line);
    if (found === undefined) return 'unmapped';
    const def = defs.get(found.cache);
    if (def === undefined) return 'unknownCache';
    const key = keyOf(def, found.key);
    return key === undefined ? 'badKey' : { cache: found.cache, key };
  };
}

function chooser(
  cache: string | undefined,
  map: MapOptions['map'],
): (line: HistoryLine) => { cache: string; key: string } | undefined {
  if (cache !== undefined) return (line) => ({ cache, key: line.key ?? pathOf(line.path) });
  const mapped = typeof map === 'function' ? map : map === undefined ? () => undefined : byPattern(map);
  return (line) =>
    line.cache !== undefined && line.key !== undefined ? { cache: line.cache, key: line.key } : mapped(line);
}

/** The key's one true text: what the cache's codec would write for the id that the text names. */
function keyOf(def: AnyCacheDef, text: string): string | undefined {
  const key = typeof text === 'string' ? storableKey(text) : undefined;
  if (key === undefined || def.key.name === 'string') return key;
  try {
    return def.key.encode(def.key.decode(key));
  } catch {
    // E_KEY: counted by the caller as a line that names no id of this cache.
    return undefined;
  }
}

function byPattern(patterns: readonly ImportPattern[]): ImportMap {
  const tests = patterns.map(({ cache, path }) => ({ cache, shape: shapeOf(path) }));
  return ({ path }) => {
    const [bare] = path.split(/[?#]/, 1);
    for (const { cache, shape } of tests) {
      const match = shape.exec(bare!);
      if (match) return { cache, key: decoded(match[1]!) };
    }
    return undefined;
  };
}

/** `/products/:id` → the expression that finds the id. `*` is any one part of the path. */
function shapeOf(path: string): RegExp {
  const parts = path.split('/');
  if (!path.startsWith('/') || parts.filter((part) => part.startsWith(':')).length !== 1) {
    throw new SamovarError(
      'E_CONFIG',
      `expected a path in \`import.map\` to begin with '/' and to have one part like ':id', got '${path}'`,
    );
  }
  const source = parts
    .map((part) =>
      part.startsWith(':') ? '([^/]+)' : part === '*' ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/');
  return new RegExp(`^(?:https?://[^/]+)?${source}/?$`);
}

const pathOf = (path: string): string => decoded(path.split(/[?#]/, 1)[0]!);

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: the text itself is the key.
    return text;
  }
}

function unknownCache(name: string, known: readonly string[]): SamovarError {
  const meant = nearest(name, known);
  return new SamovarError(
    'E_UNKNOWN_CACHE',
    `there is no cache '${name}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
    { hints: [`known: ${known.join(', ') || 'none'}`] },
  );
}

import type { AnyCacheDef } from '../define.ts';
import { SamovarError } from '../errors.ts';

/** What a loader answered, by position of the ids; undefined = the origin has no such id. E_LOAD_SHAPE. */
export function valuesOf(
  def: AnyCacheDef,
  answer: unknown,
  ids: readonly unknown[],
  keys: readonly string[],
): unknown[] {
  if (Array.isArray(answer)) {
    if (answer.length === ids.length) {
      if (isShuffled(def, answer, keys))
        throw wrongShape(
          def.name,
          'an array of rows whose `id`s are in another order than the ids asked for',
          'a database returns rows in any order: return new Map(rows.map((row) => [row.id, row]))',
        );
      return Array.from(answer, (value: unknown) => value ?? undefined);
    }
    throw wrongShape(
      def.name,
      `an array of ${answer.length} for ${ids.length} ids`,
      'return a Map from id to value when some ids may be missing',
    );
  }
  if (answer instanceof Map) return fromMap(def, answer, ids, keys);
  if (isRecord(answer)) {
    if (isRow(def, answer, keys))
      throw wrongShape(
        def.name,
        `a single object with ${Object.keys(answer).slice(0, 3).join(', ')}`,
        'the value of a single id too belongs into a Map: return new Map([[id, value]])',
      );
    return keys.map((key) => (Object.hasOwn(answer, key) ? answer[key] : undefined));
  }
  throw wrongShape(def.name, nameOf(answer), hintFor(answer));
}

/** Rows that tell by their `id` that they answer other positions than their own. */
function isShuffled(def: AnyCacheDef, answer: readonly unknown[], keys: readonly string[]): boolean {
  const told = answer.map((row) =>
    isRecord(row) && Object.hasOwn(row, 'id') ? keyOf(def, row['id']) : undefined,
  );
  if (!told.some((key, i) => key !== undefined && key !== keys[i])) return false;
  const asked = new Set(keys);
  return told.every((key) => key !== undefined && asked.has(key));
}

/** An object that holds none of the ids as a key, but the one that was asked for as its own `id`. */
function isRow(def: AnyCacheDef, answer: Record<string, unknown>, keys: readonly string[]): boolean {
  if (keys.some((key) => Object.hasOwn(answer, key)) || !Object.hasOwn(answer, 'id')) return false;
  const own = keyOf(def, answer['id']);
  return own !== undefined && keys.includes(own);
}

/**
 * By the id itself, else by its key's text: rows often name as text what is a number to the application, and ids that
 * are objects are seldom the very objects that were asked for.
 */
function fromMap(
  def: AnyCacheDef,
  answer: Map<unknown, unknown>,
  ids: readonly unknown[],
  keys: readonly string[],
): unknown[] {
  let byKey: Map<string, unknown> | undefined;
  const keyed = (): Map<string, unknown> => {
    const pairs = Array.from(answer, ([id, value]) => [keyOf(def, id), value] as const);
    return new Map(pairs.filter((pair): pair is readonly [string, unknown] => pair[0] !== undefined));
  };
  return ids.map((id, i) => {
    const value = answer.get(id);
    if (value !== undefined || typeof id === 'string' || answer.size === 0) return value;
    byKey ??= keyed();
    return byKey.get(keys[i]!);
  });
}

/** Undefined for what is no id of this cache: loaders may answer more than they were asked. */
function keyOf(def: AnyCacheDef, id: unknown): string | undefined {
  if (typeof id === 'string') return id;
  try {
    return def.key.encode(id);
  } catch {
    return undefined;
  }
}

function isRecord(answer: unknown): answer is Record<string, unknown> {
  if (answer === null || typeof answer !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(answer);
  return prototype === Object.prototype || prototype === null;
}

const wrongShape = (cache: string, got: string, hint: string): SamovarError =>
  new SamovarError(
    'E_LOAD_SHAPE',
    `expected \`caches.${cache}.load\` to answer with a Map from id to value, an array in the order of the ids, or an object by key; got ${got}`,
    { hints: [hint] },
  );

function nameOf(answer: unknown): string {
  if (answer === null || typeof answer !== 'object')
    return answer == null ? String(answer) : `a ${typeof answer}`;
  return `an object of class ${answer.constructor?.name ?? 'unknown'}`;
}

function hintFor(answer: unknown): string {
  if (answer == null) return 'return the values: is a `return` or an `await` missing?';
  if (typeof answer === 'object' && 'rows' in answer) return 'return a Map made of its rows';
  return 'for a single id too, return a Map or an array of one';
}

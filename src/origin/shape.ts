import { SamovarError } from '../errors.ts';

/** What a loader answered, by position of the ids; undefined or null = the origin has no such id. E_LOAD_SHAPE. */
export function valuesOf(
  cache: string,
  answer: unknown,
  ids: readonly unknown[],
  keys: readonly string[],
): unknown[] {
  if (Array.isArray(answer)) {
    if (answer.length === ids.length) return answer;
    throw wrongShape(
      cache,
      `an array of ${answer.length} for ${ids.length} ids`,
      'return a Map from id to value when some ids may be missing',
    );
  }
  if (answer instanceof Map) return ids.map((id, i) => fromMap(answer, id, keys[i]!));
  if (isRecord(answer)) return keys.map((key) => (Object.hasOwn(answer, key) ? answer[key] : undefined));
  throw wrongShape(cache, nameOf(answer), hintFor(answer));
}

/** Rows often name their id as text where the application has a number: the key's text finds them too. */
function fromMap(answer: Map<unknown, unknown>, id: unknown, key: string): unknown {
  const value = answer.get(id);
  return value === undefined && typeof id !== 'string' ? answer.get(key) : value;
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

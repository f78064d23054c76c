/** Deeper than this nothing is called plain: it may be a circle. */
const deepest = 200;

/** True when JSON brings a value back as it was, apart from what it always leaves out: functions and classes. */
export function isPlain(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      return value === null || isPlainObject(value, depth);
    case 'function':
    case 'symbol':
      return depth > 0;
    default:
      return false;
  }
}

function isPlainObject(value: object, depth: number): boolean {
  if (depth > deepest) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'function' || typeof item === 'symbol' || !isPlain(item, depth + 1)) return false;
    }
    return true;
  }
  if (isSpecial(value)) return false;
  if ('toJSON' in value && typeof value.toJSON === 'function') return true;
  for (const name in value)
    if (Object.hasOwn(value, name) && !isPlain((value as Record<string, unknown>)[name], depth + 1))
      return false;
  return true;
}

/** Whether there is anywhere in it, as far as one looks, what `is` is true of. */
export function holds(value: unknown, is: (value: object) => boolean, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > deepest) return false;
  if (is(value)) return true;
  if (ArrayBuffer.isView(value)) return false;
  const inner: Iterable<unknown> = value instanceof Set ? value : Object.values(value);
  for (const each of inner) if (holds(each, is, depth + 1)) return true;
  return false;
}

const special =
  /^\[object (Date|Map|Set|\w*Array|ArrayBuffer|DataView|RegExp|URL|URLSearchParams|Temporal\.\w+|Number|String|Boolean|BigInt|Error|Promise|Weak\w+)\]$/;

/** What has its data elsewhere than in its fields. */
export function isSpecial(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return false;
  return special.test(Object.prototype.toString.call(value));
}

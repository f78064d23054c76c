/** How the objects within a value are copied; undefined for what cannot be changed and needs no copy. */
export interface CopyPlan {
  /** For what is copied by other means than its parts. */
  readonly whole?: (value: never) => unknown;
  readonly isList: boolean;
  /** The parts that need a copy of their own. */
  readonly inner: readonly { readonly at: string | number; readonly plan: CopyPlan }[];
}

export interface Measured {
  /** Undefined: nothing in it can be changed. */
  readonly plan: CopyPlan | undefined;
  /** About what it takes in memory. */
  readonly bytes: number;
}

const wholes: readonly [
  new (...args: never[]) => object,
  (value: never) => unknown,
  (value: never) => number,
][] = [
  [Date, (value: Date) => new Date(value.getTime()), () => 48],
  [Buffer, (value: Buffer) => Buffer.from(value), (value: Buffer) => 96 + value.length],
];
const objectBytes = 56;
const partBytes = 16;

/** Deeper ones may lead back to themselves. */
const deepest = 100;

/** Looks through a value once, so that copying it is quick; undefined when it holds what only its maker could copy. */
export function measure(value: unknown, depth = 0): Measured | undefined {
  switch (typeof value) {
    case 'string':
      return { plan: undefined, bytes: 24 + value.length };
    case 'bigint':
      return { plan: undefined, bytes: 32 };
    case 'function':
    case 'symbol':
      return undefined;
    case 'object':
      return value === null ? { plan: undefined, bytes: 8 } : measureObject(value, depth);
    default:
      return { plan: undefined, bytes: 8 };
  }
}

function measureObject(value: object, depth: number): Measured | undefined {
  if (depth > deepest) return undefined;
  const isList = Array.isArray(value);
  if (!isList && Object.getPrototypeOf(value) !== Object.prototype) {
    for (const [type, whole, bytes] of wholes) {
      if (value instanceof type)
        return { plan: { whole, isList: false, inner: [] }, bytes: bytes(value as never) };
    }
    return undefined;
  }
  const inner: { at: string | number; plan: CopyPlan }[] = [];
  let bytes = objectBytes;
  for (const [name, part] of Object.entries(value)) {
    const measured = measure(part, depth + 1);
    if (measured === undefined) return undefined;
    bytes += partBytes + measured.bytes;
    if (measured.plan !== undefined) inner.push({ at: isList ? Number(name) : name, plan: measured.plan });
  }
  return { plan: { isList, inner }, bytes };
}

/** A copy that shares nothing that can be changed. Far quicker than parsing the text again. */
export function copy(value: unknown, plan: CopyPlan | undefined): unknown {
  if (plan === undefined) return value;
  if (plan.whole !== undefined) return plan.whole(value as never);
  const made = (plan.isList ? (value as unknown[]).slice() : { ...(value as object) }) as Record<
    string | number,
    unknown
  >;
  const { inner } = plan;
  for (let i = 0; i < inner.length; i++) {
    const part = inner[i]!;
    made[part.at] = copy(made[part.at], part.plan);
  }
  return made;
}

/** Objects and lists within a value can be changed no more: it may be shared. */
export function freeze(value: unknown): void {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return;
  if (ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}

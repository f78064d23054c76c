import { z } from 'zod';
import { type Duration, parseDuration } from './duration.ts';

/**
 * What shapes of a configuration are made of. The message of a failed check completes "expected `path` to be …"; that of an
 * unknown option lists the options there are.
 */
export const is = <T>(expected: string, test: (value: unknown) => boolean) =>
  z.custom<T>(test, { error: expected });

export const strict = <Shape extends z.ZodRawShape>(shape: Shape, expected = 'an object') =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : expected),
  });

export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;
export const isBetween = (value: unknown, low: number, high: number): boolean =>
  typeof value === 'number' && value >= low && value <= high;

export const count = is<number>('a whole number of at least 1', isCount);
export const flag = is<boolean>('true or false', (value) => typeof value === 'boolean');
export const text = is<string>('a text that is not empty', isText);
export const texts = is<readonly string[]>(
  'a list of texts',
  (value) => Array.isArray(value) && value.every(isText),
);
export const duration = is<Duration>(
  "a duration such as '10m' that is longer than 0",
  (value) => (parseDuration(value) ?? 0) > 0,
);
export const durationOrZero = is<Duration>(
  "a duration such as '10m'",
  (value) => parseDuration(value) !== undefined,
);
export const oneOf = <const T extends string>(...choices: readonly T[]) =>
  is<T>(`one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, (value) =>
    choices.includes(value as T),
  );

/** Passes on what `shape` finds wrong, so that its problems keep their own paths. */
export function forward(shape: z.ZodType, value: unknown, context: z.core.$RefinementCtx): void {
  for (const issue of shape.safeParse(value).error?.issues ?? [])
    context.addIssue({ ...issue, input: value } as Parameters<typeof context.addIssue>[0]);
}

/** A definition that only `define…` can have made; anything else is told so at once, not option by option. */
export const made = (kind: string, by: string, shape: z.ZodType = z.unknown()) =>
  z.custom<unknown>().superRefine((value, context) => {
    if ((value as { kind?: unknown } | null | undefined)?.kind === kind) forward(shape, value, context);
    else context.addIssue({ code: 'custom', message: `made by ${by}` });
  });

export const redisUrl = is<string>(
  'an address such as redis://127.0.0.1:6379 (or rediss://)',
  (value) => isText(value) && /^rediss?:\/\//.test(value) && URL.canParse(value),
);
export const postgresUrl = is<string>(
  'an address such as postgres://user:password@127.0.0.1:5432/database',
  (value) => isText(value) && /^postgres(ql)?:\/\//.test(value),
);

export const list = <Item extends z.ZodType>(item: Item, of: string) =>
  z.array(item, { error: `a list of ${of}` });

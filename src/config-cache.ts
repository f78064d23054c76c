import { z } from 'zod';
import {
  count,
  duration,
  durationOrZero,
  flag,
  forward,
  is,
  isBetween,
  isFunction,
  isText,
  made,
  oneOf,
  strict,
  text,
  texts,
} from './config-values.ts';
import type {
  CacheOptions,
  InvalidateOn,
  MemoryOptions,
  OriginDef,
  RefreshAheadOptions,
  TimeoutOptions,
  WarmOptions,
  WriteBehindOptions,
} from './define.ts';
import { type Duration, hourMs, parseDuration } from './duration.ts';
import type { KeyCodec } from './key.ts';
import type { Ttl, TtlPolicy } from './lifetime.ts';
import { isUpsert } from './upsert.ts';

const origin = made(
  'origin',
  'defineOrigin',
  strict({
    kind: z.literal('origin'),
    name: text,
    budget: strict({
      perSecond: is<number>(
        'a number of at least 0 (0 stops background loads)',
        (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
      ).optional(),
      concurrency: count.optional(),
    }).optional(),
    timeout: duration.optional(),
    probe: is('a function that answers how busy the origin is, from 0 to 1', isFunction).optional(),
  } satisfies Record<keyof OriginDef, z.ZodType>),
);

const sourceKinds = ['ids', 'sql', 'from', 'tags'];
const warmSource = is<NonNullable<WarmOptions['also']>[number]>(
  'one of { ids: [...] }, { sql, params? }, { from: function } or { tags: [...] }',
  (value) => {
    if (value === null || typeof value !== 'object') return false;
    const { ids, sql, from, tags, params, ...unknown } = value as Record<string, unknown>;
    if (Object.keys(unknown).length > 0 || sourceKinds.filter((kind) => kind in value).length !== 1)
      return false;
    if (params !== undefined && (sql === undefined || !Array.isArray(params))) return false;
    return (
      Array.isArray(ids) || isText(sql) || isFunction(from) || (Array.isArray(tags) && tags.every(isText))
    );
  },
);

const warm = strict({
  top: count.optional(),
  horizon: duration.optional(),
  maxBytes: count.optional(),
  maxTime: duration.optional(),
  also: z.array(warmSource, { error: 'a list of sources' }).optional(),
  memoryMark: is<number>('a share between 0.1 and 1', (value) => isBetween(value, 0.1, 1)).optional(),
  overlap: oneOf('skip', 'queue').optional(),
} satisfies Record<keyof WarmOptions, z.ZodType>);

const isCodec = (value: unknown): boolean => {
  const codec = value as Partial<KeyCodec<unknown>> | null | undefined;
  return isFunction(codec?.encode) && isFunction(codec?.decode);
};
const isPolicy = (value: unknown): boolean => {
  const policy = value as Partial<TtlPolicy> | null | undefined;
  return isFunction(policy?.of) && (policy?.longestMs ?? 0) > 0 && (policy?.usualMs ?? 0) > 0;
};

const memory = strict({
  maxBytes: count,
  ttl: duration.optional(),
  share: flag.optional(),
  tracking: flag.optional(),
} satisfies Record<keyof MemoryOptions, z.ZodType>);

const writeBehind = strict({
  delay: durationOrZero.optional(),
  batch: is<number>(
    'a whole number from 1 to 5,000',
    (value) => Number.isInteger(value) && isBetween(value, 1, 5_000),
  ).optional(),
  maxDirty: count.optional(),
  maxDead: count.optional(),
  whenFull: oneOf('block', 'reject', 'write-through').optional(),
  blockFor: durationOrZero.optional(),
  acknowledge: is<NonNullable<WriteBehindOptions<unknown, unknown>['acknowledge']>>(
    "'buffer', 'fsync' or 'replicas:1'",
    (value) => value === 'buffer' || value === 'fsync' || /^replicas:[1-9]\d?$/.test(String(value)),
  ).optional(),
  merge: is('a function that makes one value of two', isFunction).optional(),
} satisfies Record<keyof WriteBehindOptions<unknown, unknown>, z.ZodType>);

const isColumn = (value: unknown): value is string =>
  isText(value) && Buffer.byteLength(value) <= 63 && !value.includes('\0');
const columnsOf = (value: unknown): unknown[] =>
  value !== null && typeof value === 'object' ? Object.values(value) : [value];

const invalidateOn = strict(
  {
    table: is<string>(
      "the name of a table, such as 'orders' or 'shop.orders'",
      (value) => isText(value) && value.split('.').length <= 2 && value.split('.').every(isColumn),
    ),
    id: is<NonNullable<InvalidateOn['id']>>(
      'a column, a list of columns or an object of them',
      (value) => columnsOf(value).length > 0 && columnsOf(value).every(isColumn),
    ).optional(),
    tags: texts.optional(),
    columns: is<readonly string[]>(
      'a list of columns',
      (value) => Array.isArray(value) && value.length > 0 && value.every(isColumn),
    ).optional(),
  } satisfies Record<keyof InvalidateOn, z.ZodType>,
  '{ table, id?, tags?, columns? }, or a list of those',
);
const invalidateOns = z.custom<unknown>().superRefine((value, context) => {
  forward(Array.isArray(value) ? z.array(invalidateOn) : invalidateOn, value, context);
});

const dueShare = is<number>('a share of the ttl between 0.1 and 0.95', (value) =>
  isBetween(value, 0.1, 0.95),
);
const refreshAhead = z.custom<unknown>().superRefine((value, context) =>
  forward(
    typeof value === 'object'
      ? strict({
          at: dueShare.optional(),
          refreshCost: is<number>('a number from 0 to 1', (given) => isBetween(given, 0, 1)).optional(),
          min: is<number>('a share between 0.01 and 1', (given) => isBetween(given, 0.01, 1)).optional(),
          max: is<number>('a number from 1 to 100', (given) => isBetween(given, 1, 100)).optional(),
          gatherFor: duration.optional(),
        } satisfies Record<keyof RefreshAheadOptions, z.ZodType>)
      : dueShare,
    value,
    context,
  ),
);

/** What `defineCache` makes, its origin included. */
export const cache = made(
  'cache',
  'defineCache',
  strict({
    kind: z.literal('cache'),
    name: text,
    origin,
    key: is<KeyCodec<unknown>>('a key codec such as key.number, or key.custom({ encode, decode })', isCodec),
    load: is('a function from ids to values', isFunction),
    write: is(
      'a function that writes a Map of values to the origin, or upsert({ … })',
      (value) => isFunction(value) || isUpsert(value),
    ).optional(),
    mode: oneOf('write-through', 'write-around', 'write-behind').optional(),
    writeBehind: writeBehind.optional(),
    ttl: is<Ttl<unknown, unknown>>(
      "a duration such as '10m' that is longer than 0, a function of the value, or a policy of `ttl`",
      (value) => (parseDuration(value) ?? 0) > 0 || isFunction(value) || isPolicy(value),
    ),
    grace: durationOrZero.optional(),
    backoff: duration.optional(),
    holdOff: is<Duration>(
      "a duration such as '2s', at most '1h'",
      (value) => (parseDuration(value) ?? Number.POSITIVE_INFINITY) <= hourMs,
    ).optional(),
    timeouts: strict({
      soft: durationOrZero.optional(),
      hard: duration.optional(),
    } satisfies Record<keyof TimeoutOptions, z.ZodType>).optional(),
    fallback: is('a function from id and error to a value', isFunction).optional(),
    earlyRefresh: is<number>('a number from 0 to 10', (value) => isBetween(value, 0, 10)).optional(),
    refreshAhead: refreshAhead.optional(),
    stillCurrent: is('a function from old values to the ids of those that still hold', isFunction).optional(),
    jitter: is<number>('a share between 0 and 0.5', (value) => isBetween(value, 0, 0.5)).optional(),
    negativeTtl: durationOrZero.optional(),
    negativeMax: count.optional(),
    codec: is(
      "'json', 'msgpack' or { encode, decode }",
      (value) => value === 'json' || value === 'msgpack' || isCodec(value),
    ).optional(),
    compressAbove: count.optional(),
    schema: is('a Standard Schema, such as one of zod', (value) =>
      isFunction(
        (value as { '~standard'?: { validate?: unknown } } | null | undefined)?.['~standard']?.validate,
      ),
    ).optional(),
    tags: is('a function from id and value to tags', isFunction).optional(),
    invalidateOn: invalidateOns.optional(),
    batch: count.optional(),
    gatherFor: durationOrZero.optional(),
    maxValueBytes: count.optional(),
    memory: memory.optional(),
    warm: warm.optional(),
  } satisfies Record<keyof CacheOptions<unknown, unknown> | 'kind' | 'name', z.ZodType>),
);

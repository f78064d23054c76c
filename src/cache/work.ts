import { isSamovarError, messageOf } from '../errors.ts';
import type { Fill, FillReport, FillRequest, RowResult } from '../rooms.ts';

/** One request to fill, on its way. `at` are positions of its keys. */
export interface Work {
  readonly request: FillRequest;
  readonly ids: unknown[];
  /** By position. */
  readonly results: RowResult[];
  /** Where nothing has begun. */
  open: number[];
  /** True when nothing more is to begin. */
  isOver: boolean;
  error: FillReport['error'];
  bytes: number;
  /** What is written or about to be, as Redis will hold it. */
  promisedBytes: number;
  loadMs: number;
  waitMs: number;
  readonly fills: Fill[];
  /** By position: the entries that are to be renewed. */
  readonly olds: Map<number, Buffer>;
  unchanged: number;
  /** Positions. */
  stillCurrent: number[];
  heldOff: number;
}

/** Keys that `decode` does not take have failed already. */
export function openWork(request: FillRequest, decode: (key: string) => unknown): Work {
  const work: Work = {
    request,
    ids: new Array(request.keys.length),
    results: new Array(request.keys.length).fill('planned'),
    open: [],
    isOver: false,
    error: undefined,
    bytes: 0,
    promisedBytes: 0,
    loadMs: 0,
    waitMs: 0,
    fills: [],
    olds: new Map(),
    unchanged: 0,
    stillCurrent: [],
    heldOff: 0,
  };
  request.keys.forEach((key, position) => {
    try {
      work.ids[position] = decode(key);
      work.open.push(position);
    } catch (error) {
      fail(work, position, error);
    }
  });
  return work;
}

export const keysAt = (work: Work, at: readonly number[]): string[] =>
  at.map((position) => work.request.keys[position]!);

export function fail(work: Work, position: number, error: unknown): void {
  work.results[position] = 'failed';
  note(work, error);
}

/** Nothing more is begun. */
export function end(work: Work, error: unknown): void {
  work.isOver = true;
  note(work, error);
}

export function reportOf({ results, bytes, loadMs, waitMs, fills, error, ...work }: Work): FillReport {
  const { unchanged, stillCurrent, heldOff } = work;
  const renewed = work.request.renews === undefined ? {} : { unchanged, stillCurrent };
  const held = heldOff > 0 ? { heldOff } : {};
  return { results, bytes, loadMs, waitMs, fills, ...renewed, ...held, ...(error ? { error } : {}) };
}

function note(work: Work, error: unknown): void {
  work.error ??= {
    code: isSamovarError(error) ? error.code : 'E_LOAD_FAILED',
    message: withoutKeys(messageOf(error), work.request.keys),
  };
}

/** A loader's own words may name what it was asked for; reports are kept and logged, keys are not. */
const withoutKeys = (text: string, keys: readonly string[]): string =>
  keys.reduce((kept, key) => (key.length > 3 && kept.includes(key) ? kept.replaceAll(key, '…') : kept), text);

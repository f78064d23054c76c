import type { Reason } from '../dirty-shapes.ts';
import { isSamovarError, messageOf } from '../errors.ts';

/**
 * Who is to blame for a flush that failed. `transient`: nobody, it is tried again for ever. `schema`: whoever made or
 * guards the table; it is left alone until mended. `data`: a row, which will never be taken as it is.
 */
export type Blame = 'transient' | 'schema' | 'data';

const sqlState = /^[0-9A-Z]{5}$/;

export function blameOf(error: unknown): Blame {
  if (isSamovarError(error))
    return error.code === 'E_ENCODE' || error.code === 'E_KEY' || error.code === 'E_REFUSED'
      ? 'data'
      : error.code === 'E_SCHEMA'
        ? 'schema'
        : 'transient';
  const code = codeOf(error);
  if (!sqlState.test(code)) return 'transient';
  if (/^(22|23|21|54)/.test(code)) return 'data';
  if (/^(42|3D|3F|28|0A)/.test(code)) return 'schema';
  return 'transient';
}

/** The ids that a writer of the application named as those it refuses. */
export const refusedIds = (error: unknown): readonly unknown[] =>
  isSamovarError(error) && error.code === 'E_REFUSED' ? (error.ids ?? []) : [];

/** Its parent may be dirty, too, and not there yet. */
export const isOrphan = (error: unknown): boolean => codeOf(error) === '23503';

/** What may be told of it: a driver's `detail` quotes the row, and is left out. */
export function reasonOf(error: unknown): Reason {
  const { constraint } = (error ?? {}) as { constraint?: unknown };
  return {
    code: codeOf(error) || 'unknown',
    // Postgres quotes the value that it cannot read.
    message: messageOf(error).replace(/: "[\s\S]*"$/, ''),
    ...(typeof constraint === 'string' ? { constraint } : {}),
  };
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

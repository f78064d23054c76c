import { type AnyCacheDef, isEncoded } from '../define.ts';
import { SamovarError } from '../errors.ts';
import { isHashed } from '../key.ts';
import { isUpsert, type UpsertDef } from '../upsert.ts';

/** Keys of dirty values are kept whole, and beside deleted rows. */
const longestKeyBytes = 512;

/** Throws for a key that could not be carried over. */
export function checkKey(def: AnyCacheDef, key: string): void {
  const why = isHashed(key)
    ? 'is too long to be kept'
    : Buffer.byteLength(key) > longestKeyBytes
      ? `takes more than ${longestKeyBytes} bytes`
      : key.includes('\0')
        ? 'holds a NUL character'
        : undefined;
  if (why !== undefined)
    throw new SamovarError('E_KEY', `an id of caches.${def.name} ${why}, so its writes cannot be buffered`);
}

/** Throws E_ENCODE for what the table would refuse for sure: better now than when nobody waits for the answer. */
export function checkValue(def: AnyCacheDef, value: unknown): void {
  if (!isUpsert(def.write)) return;
  const seen = isEncoded(value) ? (JSON.parse(value.json) as unknown) : value;
  const why = strayOf(def.write, seen) ?? flawOf(seen);
  if (why !== undefined)
    throw new SamovarError('E_ENCODE', `a value for caches.${def.name} cannot be written: ${why}`, {
      hints: ['correct the value, or `columns` of its upsert'],
    });
}

/** A field that no column holds, where every column holds one field. */
function strayOf({ columns }: UpsertDef, value: unknown): string | undefined {
  if (!columns.every(([, of]) => typeof of === 'string' && of !== '*')) return undefined;
  if (typeof value !== 'object' || value === null) return `it is no object, and columns hold its fields`;
  const held = new Set(columns.map(([, of]) => of));
  const stray = Object.keys(value).find((field) => !held.has(field));
  return stray === undefined ? undefined : `no column holds its field '${stray}'`;
}

function flawOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? 'it holds a NUL character' : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${value} is no number in SQL`;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  for (const inner of value instanceof Map || value instanceof Set ? value.values() : Object.values(value)) {
    const flaw = flawOf(inner);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}

import { createHash } from 'node:crypto';
import { type CacheOptions, defineCache } from '../define.ts';
import { SamovarError } from '../errors.ts';
import type { FunctionDef } from '../front.ts';
import { key } from '../key.ts';
import { argumentText } from './arguments.ts';
import { each } from './call.ts';
import { normalSql } from './sql.ts';

/** What a statement is sent through: a `Pool` of pg, or whatever takes the same. */
export interface QueryPool {
  query(statement: {
    name?: string;
    text: string;
    values: unknown[];
  }): Promise<{ readonly rows: readonly unknown[] }>;
}

/** As those of `defineCache`; the statement is the loader, and its arguments are the id. */
export interface QueryOptions<Args extends readonly unknown[], Given, Row>
  extends Omit<CacheOptions<Args, Row[]>, 'load' | 'key'> {
  /**
   * Tables that it reads: a change of one forgets every result that read it, as `invalidateOn` does, and so does
   * `invalidate({ tags: ['table:orders'] })`. `invalidateOn: []` leaves only the latter. @default none
   */
  readonly tables?: readonly string[];
  /** From arguments to the values of `$1`, `$2`, … @default the arguments as they are */
  readonly params?: (...args: Args) => readonly unknown[];
  /** From a row of the driver to one of the result. @default as it is */
  readonly row?: (row: Given) => Row;
  /** Whether the server keeps the statement's plan by name; not through poolers that share connections by transaction. @default true */
  readonly prepare?: boolean;
  /** Statements at once, for one reader or worker four times as many. @default 4 */
  readonly batch?: number;
}

/**
 * A cache of what a statement of SQL gives, a list of rows for each list of arguments. Call it through `samovar.callable`.
 * A statement that comes to mean something else has other keys: no row of an earlier one is ever given for it.
 */
export function query<
  const Name extends string,
  Args extends readonly unknown[] = readonly unknown[],
  Given = Record<string, unknown>,
  Row = Given,
>(
  name: Name,
  pool: QueryPool,
  sql: string,
  options: QueryOptions<Args, Given, Row>,
): FunctionDef<Name, Args, Row[]> {
  const { tables = [], params, row, prepare = true, tags, ...rest } = options;
  if (typeof pool?.query !== 'function')
    throw new SamovarError('E_CONFIG', `expected a pool with a \`query\` method for '${name}'`);
  if (typeof sql !== 'string' || normalSql(sql) === '')
    throw new SamovarError('E_CONFIG', `expected the text of a statement for '${name}'`);
  const hash = hashOf(normalSql(sql));
  // One name stands for one text, comments included: those may be hints to the server.
  const prepared = `sv_${name.slice(0, 40)}_${hashOf(sql)}`;
  const text = argumentText<Args>(`'${name}'`);
  const tableTags = tables.map((table) => `table:${table}`);

  const run = async (args: Args): Promise<Row[]> => {
    const values = [...(params === undefined ? args : params(...args))];
    const named = prepare ? { name: prepared } : {};
    const { rows } = await pool.query({ ...named, text: sql, values });
    return row === undefined ? (rows as Row[]) : rows.map((each) => row(each as Given));
  };

  return defineCache<Name, Args, Row[]>(name, {
    batch: 4,
    ...(tables.length === 0
      ? {}
      : { invalidateOn: tables.map((table) => ({ table, tags: [`table:${table}`] })) }),
    ...rest,
    key: key.custom<Args>({
      encode: (args) => `${hash}${text.encode(args)}`,
      decode(known) {
        if (known.startsWith(`${hash}[`)) return text.decode(known.slice(hash.length));
        throw new SamovarError('E_KEY', `a key of '${name}' is of another statement than the present one`);
      },
    }),
    load: (lists) => each(lists, run),
    ...(tableTags.length === 0 && tags === undefined
      ? {}
      : { tags: (args: Args, rows: Row[]) => [...tableTags, ...(tags?.(args, rows) ?? [])] }),
  }) as FunctionDef<Name, Args, Row[]>;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 12);

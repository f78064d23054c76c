import type { Pool } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import type { UpsertDef } from '../upsert.ts';

/** A table as the catalogue knows it. */
export interface Table {
  /** Quoted, for statements. */
  readonly name: string;
  /** The type of each column, as SQL. */
  readonly types: ReadonlyMap<string, string>;
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const columnsSql = `
  select c.oid::int8 as oid, c.relpersistence, a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attgenerated <> '' as generated
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.oid = to_regclass($1)`;
const keysSql = `
  select array_agg(a.attname::text) as columns
  from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
  where i.indrelid = $1 and i.indisunique and i.indpred is null and i.indexprs is null and i.indisvalid
  group by i.indexrelid`;

/** Looks every name up. E_SCHEMA for what is not there, or would not keep what it is given. */
export async function readTable(pool: Pool, def: UpsertDef): Promise<Table> {
  const name = def.table.map(quoted).join('.');
  const { rows } = await pool.query<{
    oid: string;
    relpersistence: string;
    attname: string;
    type: string;
    generated: boolean;
  }>(columnsSql, [name]);
  if (rows.length === 0) throw unfit(name, 'there is no such table', 'create it, or correct `upsert.table`');
  if (rows[0]!.relpersistence !== 'p')
    throw unfit(
      name,
      'it is unlogged or temporary, and a crash of Postgres would empty it',
      'alter table … set logged',
    );
  const types = new Map(rows.map(({ attname, type }) => [attname, type]));
  const wanted = [...def.id, ...def.columns].map(([column]) => column);
  if (def.version !== undefined) wanted.push(def.version);
  for (const column of wanted) {
    const row = rows.find(({ attname }) => attname === column);
    if (row === undefined)
      throw unfit(name, `it has no column ${column}`, 'add the column, or correct `upsert`');
    if (row.generated) throw unfit(name, `its column ${column} is generated`, 'leave it out of `upsert`');
  }
  if (def.version !== undefined && types.get(def.version) !== 'bigint')
    throw unfit(
      name,
      `its column ${def.version} is ${types.get(def.version)} and must be bigint`,
      `alter table … alter column ${def.version} type bigint`,
    );
  const keys = await pool.query<{ columns: string[] }>(keysSql, [rows[0]!.oid]);
  const ids = def.id.map(([column]) => column).sort();
  if (!keys.rows.some(({ columns }) => columns.sort().join('\n') === ids.join('\n')))
    throw unfit(
      name,
      `it has no primary key or unique index on (${ids.join(', ')})`,
      'add one: two rows of one id could not be told apart',
    );
  return { name, types };
}

const unfit = (name: string, why: string, hint: string): SamovarError =>
  new SamovarError('E_SCHEMA', `nothing can be written to ${name}: ${why}`, { hints: [hint] });

import type { UpsertDef } from '../upsert.ts';
import { quoted, type Table } from './postgres-table.ts';

export interface Statements {
  readonly put: string;
  readonly remove: string;
  /** How many rows there are later versions of: $1 keys, $2 versions, then the columns of the id. */
  readonly newer: string;
}

/**
 * The statements that write rows, each alone in its transaction. $1 cache; $2–$4 partitions, epochs and highest versions
 * (only where a flusher writes); then partition, key and version of the rows, then their columns, all as arrays.
 * A row is written only by a partition whose epoch holds, and only over an older version of itself.
 */
export function statementsOf(def: UpsertDef, { name, types }: Table, isFenced: boolean): Statements {
  const target = `'${def.table.join('.')}'`;
  const typed = (column: string, at: string) => `${at}::${types.get(column)}`;
  const fence = isFenced
    ? `with f as (
  update samovar.dirty_partition d set high = greatest(d.high, h.high)
  from unnest($2::int4[], $3::int8[], $4::int8[]) h(p, epoch, high)
  where d.cache = $1 and d.p = h.p and d.epoch = h.epoch returning d.p
)`
    : 'with f as (select distinct p from unnest($5::int4[]) p where $1::text is not null and $2::int4[] is null and $3::int8[] is null and $4::int8[] is null)';
  const rows = (columns: readonly string[]) => `u as (
  select u.* from unnest($5::int4[], $6::text[], $7::int8[]${columns.map((_, i) => `, $${8 + i}::text[]`).join('')})
    u(p, key, version${columns.map((_, i) => `, c${i}`).join('')})
  where u.p in (select p from f)
)`;
  const ids = def.id.map(([column]) => column);
  const all = [...ids, ...def.columns.map(([column]) => column)];
  const values = all.map((column, i) => typed(column, `u.c${i}`));
  const isRow = ids.map((column, i) => `t.${quoted(column)} = ${typed(column, `u.c${i}`)}`).join(' and ');
  const told = (cte: string) =>
    `select coalesce((select array_agg(p) from f), '{}') as held, (select count(*)::int from ${cte}) as applied`;
  /** Writes versions beside the rows, and tells of which rows they are newer. */
  const beside = (isDeleted: boolean, unless = '') => `won as (
  insert into samovar.dirty_row as r (target, key, version, is_deleted)
  select ${target}, u.key, u.version, ${isDeleted} from u${unless}
  on conflict (target, key) do update set version = excluded.version, is_deleted = excluded.is_deleted, at = now()
  where r.version < excluded.version returning r.key
)`;
  const later = (inTable: string) => `select count(*)::int as newer
  from unnest($1::text[], $2::int8[]${ids.map((_, i) => `, $${3 + i}::text[]`).join('')})
    u(key, version${ids.map((_, i) => `, c${i}`).join('')})
  where exists (select 1 from samovar.dirty_row r where r.target = ${target} and r.key = u.key and r.version > u.version)${inTable}`;
  const changes = def.columns.map(([column]) => `${quoted(column)} = excluded.${quoted(column)}`);
  if (def.version === undefined) {
    return {
      newer: later(''),
      put: `${fence}, ${rows(all)}, ${beside(false)}, put as (
  insert into ${name} as t (${all.map(quoted).join(', ')})
  select ${values.join(', ')} from u where u.key in (select key from won)
  on conflict (${ids.map(quoted).join(', ')}) do update set ${changes.join(', ')} returning 1
) ${told('won')}`,
      remove: `${fence}, ${rows(ids)}, ${beside(true)}, gone as (
  delete from ${name} t using u where ${isRow} and u.key in (select key from won) returning 1
) ${told('won')}`,
    };
  }
  const version = quoted(def.version);
  // A row that was written after the deletion stays, and the deletion is none.
  const isOlder = ` where not exists (select 1 from ${name} t where ${isRow} and t.${version} >= u.version)`;
  return {
    newer: later(` or exists (select 1 from ${name} t where ${isRow} and t.${version} > u.version)`),
    put: `${fence}, ${rows(all)}, put as (
  insert into ${name} as t (${[...all.map(quoted), version].join(', ')})
  select ${[...values, 'u.version'].join(', ')} from u
  where (select not exists (select 1 from samovar.dirty_row where target = ${target}))
    or not exists (select 1 from samovar.dirty_row r where r.target = ${target} and r.key = u.key and r.version >= u.version)
  on conflict (${ids.map(quoted).join(', ')}) do update set ${[...changes, `${version} = excluded.${version}`].join(', ')}
  where coalesce(t.${version}, 0) < excluded.${version} returning 1
) ${told('put')}`,
    remove: `${fence}, ${rows(ids)}, ${beside(true, isOlder)}, gone as (
  delete from ${name} t using u where ${isRow} and coalesce(t.${version}, 0) < u.version returning 1
) ${told('won')}`,
  };
}

import { createHash } from 'node:crypto';
import type { InvalidateOn } from '../define.ts';
import { columnsOfId, columnsOfTag, type Watch } from './watch.ts';

/** A name as SQL has it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** A text as SQL has it. */
const literal = (text: string): string => {
  const plain = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${plain.replaceAll('\\', '\\\\')}` : plain;
};
const list = (texts: readonly string[]): string => `array[${texts.map(literal).join(', ')}]::text[]`;

export const events = ['insert', 'update', 'delete', 'truncate'] as const;
export type TriggerEvent = (typeof events)[number];

export const triggerName = (event: TriggerEvent): string => `samovar_change_${event}`;

/** One function a table; its name tells the table, whatever characters that has. */
export const functionName = (schema: string, table: string): string =>
  `change_on_${createHash('sha256').update(`${schema}.${table}`).digest('hex').slice(0, 16)}`;

const transitions: Record<TriggerEvent, string> = {
  insert: ' referencing new table as samovar_new',
  update: ' referencing old table as samovar_old new table as samovar_new',
  delete: ' referencing old table as samovar_old',
  truncate: '',
};

export const triggerSql = (schema: string, table: string, event: TriggerEvent): string =>
  `create trigger ${triggerName(event)} after ${event} on ${quoted(schema)}.${quoted(table)}${transitions[event]} ` +
  `for each statement execute function samovar.${functionName(schema, table)}()`;

/** The id of a row: the text of a column, or JSON. */
function idSql(id: NonNullable<InvalidateOn['id']>, form: Watch['form']): string {
  if (typeof id === 'string') return form === 'json' ? `to_json(${quoted(id)})::text` : `${quoted(id)}::text`;
  if (Array.isArray(id)) return `json_build_array(${(id as string[]).map(quoted).join(', ')})::text`;
  const parts = Object.entries(id).map(([name, column]) => `${literal(name)}, ${quoted(column)}`);
  return `json_build_object(${parts.join(', ')})::text`;
}

/** The text of a tag for a row; null, and so none, where a column of it is null. */
function tagSql(tag: string): string {
  const parts = tag.split(/\{([^{}]+)\}/g);
  return parts
    .map((part, i) => (i % 2 === 1 ? `${quoted(part)}::text` : literal(part)))
    .filter((part) => part !== "''")
    .join(' || ');
}

/** The rows that count: all of a transition table, or those whose columns are not the same before and after. */
function rowsSql(from: string, { columns, id, tags }: Watch): string {
  if (columns.length === 0) return from;
  // As themselves, for JSON of an id tells texts from numbers. Tags and columns: not every type can be compared; every text can.
  const kept = new Set(columnsOfId(id));
  const compared = [...new Set([...tags.flatMap(columnsOfTag), ...columns])].filter(
    (column) => !kept.has(column),
  );
  const needed = [
    ...[...kept].map(quoted),
    ...compared.map((column) => `${quoted(column)}::text as ${quoted(column)}`),
  ].join(', ');
  const other = from === 'samovar_new' ? 'samovar_old' : 'samovar_new';
  return `(select ${needed} from ${from} except all select ${needed} from ${other}) changed`;
}

interface Side {
  readonly into: string;
  readonly from: string;
}

/** One more than what forgets a whole cache. */
const enough = 200_001;

/** Gathers the ids, or the tags, of one side of a statement, as many as matter. */
function gather({ into, from }: Side, watch: Watch, what: 'ids' | 'tags', isUnique: boolean): string {
  const rows = (side: string) => rowsSql(side, watch);
  const gathered = (some: string) => `select array_agg(v) into ${into} from (${some} limit ${enough}) s;`;
  if (what === 'ids') {
    const isNull = columnsOfId(watch.id).map((column) => `${quoted(column)} is not null`);
    const text = idSql(watch.id!, watch.form);
    const some = `select ${isUnique ? '' : 'distinct '}${text} as v from ${rows(from)} where ${isNull.join(' and ')}`;
    return gathered(some);
  }
  const each = watch.tags.map((tag) => `(${tagSql(tag)})`).join(', ');
  const some = `select distinct v from ${rows(from)}, lateral (values ${each}) as t (v) where v is not null`;
  return gathered(some);
}

/** What cannot be named - more text than an array holds, a column that is gone - fails nobody's statement: all is forgotten. */
const unlessItFails = (steps: readonly string[], all: string): string =>
  `begin ${steps.join(' ')} exception when others then after_ := null; ${all} end;`;

/** What one watch does for an event; `isUnique` = no two rows have the same id. */
function watchSql(asked: Watch, event: Exclude<TriggerEvent, 'truncate'>, isUnique: boolean): string {
  // A row that comes or goes has no columns that stay the same.
  const watch = event === 'update' ? asked : { ...asked, columns: [] };
  const caches = list(watch.caches);
  const seen = event === 'delete' ? 'samovar_old' : 'samovar_new';
  const add = (ids: string, tags: string) =>
    `perform samovar.change_add(${caches}, ${literal(watch.form)}, ${ids}, ${tags});`;
  const steps: string[] = [];
  const isSteady = watch.tags.every((tag) => columnsOfTag(tag).length === 0);
  if (watch.id === undefined && watch.tags.length === 0)
    return `if exists (select from ${seen}) then perform samovar.change_add(${caches}, 'id', null, null, true); end if;`;
  for (const what of ['ids', 'tags'] as const) {
    if (what === 'ids' ? watch.id === undefined : watch.tags.length === 0) continue;
    const give = (value: string) => (what === 'ids' ? add(value, 'null') : add('null', value));
    if (what === 'tags' && isSteady && watch.columns.length === 0) {
      steps.push(`if exists (select from ${seen}) then ${give(list(watch.tags))} end if;`);
      continue;
    }
    const gathers = [gather({ into: 'after_', from: seen }, watch, what, isUnique)];
    if (event === 'update')
      // Both tables come in the same order; where they do not, more is told than is needed, and never less.
      gathers.push(
        gather({ into: 'before_', from: 'samovar_old' }, watch, what, isUnique),
        `if before_ is distinct from after_ then after_ := before_ || after_; end if;`,
      );
    steps.push(unlessItFails(gathers, `perform samovar.change_add(${caches}, 'id', null, null, true);`));
    steps.push(give('after_'));
  }
  return steps.join('\n    ');
}

/** What a truncated table means: rows that cannot be named any more. */
function truncateSql({ caches, id, tags }: Watch): string {
  const isSteady = id === undefined && tags.length > 0 && tags.every((tag) => columnsOfTag(tag).length === 0);
  return isSteady
    ? `perform samovar.change_add(${list(caches)}, 'id', null, ${list(tags)});`
    : `perform samovar.change_add(${list(caches)}, 'id', null, null, true);`;
}

/** The body of a table's function. `unique` = columns of which each value is in one row alone. */
export function bodySql(watches: readonly Watch[], unique: readonly string[]): string {
  const branch = (event: TriggerEvent): string => {
    const steps = watches.map((watch) => {
      if (event === 'truncate') return truncateSql(watch);
      const isUnique = columnsOfId(watch.id).some((column) => unique.includes(column));
      return watchSql(watch, event, isUnique);
    });
    return `tg_op = '${event.toUpperCase()}' then\n    ${steps.join('\n    ')}`;
  };
  return `
declare
  after_ text[];
  before_ text[];
begin
  if ${events.map(branch).join('\n  elsif ')}
  end if;
  return null;
end `;
}

/** Ids and tags are the same text whoever writes: a session's own ways of writing dates and numbers must not matter. */
const sameText =
  "set datestyle = 'ISO, MDY' set timezone = 'UTC' set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'";

/** Runs with its owner's rights: who writes to the table need not know of the outbox. */
export const functionSql = (schema: string, table: string, body: string): string =>
  `create or replace function samovar.${functionName(schema, table)}() returns trigger language plpgsql ` +
  `security definer set search_path = pg_catalog, pg_temp ${sameText} as ${literal(body)}`;

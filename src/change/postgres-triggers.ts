import type { Pool, PoolClient } from '../connect.ts';
import { messageOf, nearest, SamovarError } from '../errors.ts';
import { inTransaction, withClient } from '../transaction.ts';
import {
  bodySql,
  events,
  functionName,
  functionSql,
  quoted,
  triggerName,
  triggerSql,
} from './trigger-sql.ts';
import { columnsOfId, columnsOfTag, type WatchedTable } from './watch.ts';

/** How the triggers of a table stand: `left` = no cache asks for them any more. */
export interface TriggerState {
  readonly table: string;
  readonly state: 'ok' | 'missing' | 'changed' | 'left';
}

export interface Triggers {
  /** Every table that is watched, or was. E_SCHEMA for a table or column that is not there. */
  status(): Promise<readonly TriggerState[]>;
  /** Makes the triggers what the configuration says. Answers with what was not. E_SCHEMA. */
  install(): Promise<readonly TriggerState[]>;
  /** The statements of `install`, as a script. */
  sql(): Promise<string>;
}

interface Found {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: readonly string[];
  readonly may: boolean;
}

interface Step {
  readonly table: string;
  readonly state: TriggerState['state'];
  readonly sql: readonly string[];
}

/** Names the lock under which triggers are made, beside that of migrations. */
const lockNumber = 7_283_002;
/** Longer than this nobody who writes to a table is to wait behind a new trigger. */
const lockPatience = '5s';

/** The triggers of one database. They write to `samovar.change`, so migrations come first. */
export function createTriggers(pool: Pool, tables: readonly WatchedTable[]): Triggers {
  return {
    status: async () => (await steps(pool, tables)).map(({ table, state }) => ({ table, state })),
    async sql() {
      const texts = (await steps(pool, tables)).flatMap(({ table, sql }) =>
        sql.length === 0 ? [] : [`-- triggers of ${table}`, ...sql.map((each) => `${each};`), ''],
      );
      return texts.length === 0 ? '' : ['begin;', ...texts, 'commit;', ''].join('\n');
    },
    install: () =>
      withClient(pool, (client) =>
        inTransaction(client, async () => {
          await client.query('select pg_advisory_xact_lock($1)', [lockNumber]);
          await client.query(`set local lock_timeout = '${lockPatience}'`);
          const todo = (await steps(client, tables)).filter(({ sql }) => sql.length > 0);
          for (const { table, sql } of todo) {
            try {
              for (const each of sql) await client.query(each);
            } catch (error) {
              throw notMade(table, error);
            }
          }
          return todo.map(({ table, state }) => ({ table, state }));
        }),
      ),
  };
}

async function steps(on: Pool | PoolClient, tables: readonly WatchedTable[]): Promise<Step[]> {
  const made = await madeTriggers(on);
  const wanted = new Set<string>();
  const todo: Step[] = [];
  for (const { table, watches } of tables) {
    const found = await find(on, table);
    for (const watch of watches) {
      const named = [...columnsOfId(watch.id), ...watch.tags.flatMap(columnsOfTag), ...watch.columns];
      for (const column of named)
        if (!found.columns.includes(column)) throw noColumn(watch.caches[0]!, table, column, found);
    }
    const { schema, name } = found;
    const id = `${quoted(schema)}.${quoted(name)}`;
    if (wanted.has(id)) throw twice(table, `${schema}.${name}`);
    wanted.add(id);
    const has = made.get(id);
    const body = bodySql(watches, found.unique);
    const sql: string[] = [];
    if (has?.body !== body) {
      sql.push(functionSql(schema, name, body));
      if (has?.body === undefined)
        sql.push(`revoke all on function samovar.${functionName(schema, name)}() from public`);
    }
    for (const event of events) {
      if (has?.triggers.includes(triggerName(event))) continue;
      sql.push(`drop trigger if exists ${triggerName(event)} on ${id}`, triggerSql(schema, name, event));
    }
    if (sql.length > 0 && !found.may) throw notAllowed(table);
    const state = sql.length === 0 ? 'ok' : has === undefined ? 'missing' : 'changed';
    todo.push({ table, state, sql });
  }
  for (const [id, { table, triggers, name }] of made) {
    if (wanted.has(id)) continue;
    const sql = triggers.map((trigger) => `drop trigger if exists ${trigger} on ${id}`);
    todo.push({ table, state: 'left', sql: [...sql, `drop function if exists samovar.${name}()`] });
  }
  return todo;
}

interface Made {
  readonly table: string;
  readonly triggers: readonly string[];
  readonly name: string;
  readonly body: string;
}

/** What is there: triggers that somebody disabled are as good as none. */
async function madeTriggers(on: Pool | PoolClient): Promise<Map<string, Made>> {
  const { rows } = await on.query<{
    schema: string;
    relation: string;
    triggers: string[];
    name: string;
    body: string;
  }>(`
    select n.nspname as schema, c.relname as relation, p.proname as name, p.prosrc as body,
           coalesce(array_agg(t.tgname::text) filter (where t.tgenabled <> 'D'), '{}') as triggers
      from pg_trigger t
      join pg_proc p on p.oid = t.tgfoid and p.pronamespace = to_regnamespace('samovar')
      join pg_class c on c.oid = t.tgrelid
      join pg_namespace n on n.oid = c.relnamespace
     where not t.tgisinternal and t.tgname like 'samovar\\_change\\_%' and t.tgparentid = 0
     group by 1, 2, 3, 4`);
  return new Map(
    rows.map(({ schema, relation, ...row }) => [
      `${quoted(schema)}.${quoted(relation)}`,
      { table: `${schema}.${relation}`, ...row },
    ]),
  );
}

async function find(on: Pool | PoolClient, table: string): Promise<Found> {
  const parts = table.split('.');
  const { rows } = await on.query<Found & { kind: string }>(
    `select n.nspname as schema, c.relname as name, c.relkind as kind,
            has_table_privilege(c.oid, 'trigger') as may,
            (select coalesce(array_agg(a.attname::text), '{}') from pg_attribute a
              where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
            (select coalesce(array_agg(a.attname::text), '{}')
               from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
              where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1) as unique
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = to_regclass($1)`,
    [parts.map(quoted).join('.')],
  );
  const found = rows[0];
  if (found === undefined) throw await noTable(on, table);
  if (found.kind !== 'r' && found.kind !== 'p') {
    throw new SamovarError(
      'E_SCHEMA',
      `'${table}' of an \`invalidateOn\` is no table: only tables have triggers of this kind`,
      {
        hints: ['name the tables that it is made from'],
      },
    );
  }
  return found;
}

async function noTable(on: Pool | PoolClient, table: string): Promise<SamovarError> {
  const { rows } = await on.query<{ name: string }>(
    `select case when n.nspname = any (current_schemas(false)) then c.relname else n.nspname || '.' || c.relname end as name
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'samovar', 'pg_toast')
      limit 10000`,
  );
  const meant = nearest(
    table,
    rows.map(({ name }) => name),
  );
  return new SamovarError(
    'E_SCHEMA',
    `there is no table '${table}' in this database, which an \`invalidateOn\` or \`tables\` names`,
    {
      hints: [
        meant === undefined ? "name it with its schema: 'shop.orders'" : `did you mean '${meant}'?`,
        'a table of another database cannot be watched: take the option away (a query: invalidateOn: [])',
      ],
    },
  );
}

const noColumn = (cache: string, table: string, column: string, { columns }: Found): SamovarError => {
  const meant = nearest(column, columns);
  return new SamovarError(
    'E_SCHEMA',
    `\`caches.${cache}.invalidateOn\`: table '${table}' has no column '${column}'`,
    {
      hints: [meant === undefined ? `it has: ${columns.join(', ')}` : `did you mean '${meant}'?`],
    },
  );
};

const twice = (table: string, full: string): SamovarError =>
  new SamovarError(
    'E_SCHEMA',
    `'${table}' of an \`invalidateOn\` is '${full}', which another one names differently`,
    {
      hints: ['name it the same way everywhere'],
    },
  );

const notAllowed = (table: string): SamovarError =>
  new SamovarError('E_SCHEMA', `this user may not make triggers on table '${table}'`, {
    hints: [
      `let it: grant trigger on ${table.split('.').map(quoted).join('.')} to …`,
      'or let the owner of the table run it: samovar migrate --sql | psql …',
    ],
  });

function notMade(table: string, error: unknown): SamovarError {
  const { code } = error as { code?: string };
  if (code === '42501') return notAllowed(table);
  const hints =
    code === '55P03'
      ? ['a transaction held the table for too long; run again: samovar migrate']
      : ['nothing of it stays; mend the cause and run again: samovar migrate'];
  return new SamovarError('E_SCHEMA', `the triggers of table '${table}' were not made: ${messageOf(error)}`, {
    hints,
    cause: error,
  });
}

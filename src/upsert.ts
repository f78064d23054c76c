import { SamovarError } from './errors.ts';

/** What a column gets of a value: the field of that name, all of the value as JSON (`'*'`), or what a function makes of it. */
export type UpsertColumn<Id, Value> = string | ((value: Value, id: Id) => unknown);

export interface UpsertOptions<Id, Value> {
  /** `table` or `schema.table`. It needs a primary key or unique index on the columns of `id`, and may not be unlogged. */
  readonly table: string;
  /** The column that holds the id, or several with what each gets of it. */
  readonly id: string | Readonly<Record<string, (id: Id) => unknown>>;
  /** Columns named as the fields that they hold, or each with what it gets. */
  readonly columns: readonly string[] | Readonly<Record<string, UpsertColumn<Id, Value>>>;
  /** A bigint column that holds the version of the row, or `'side'`: it is kept beside, in Samovar's own schema. */
  readonly version: string;
}

/** A writer that makes its own statement. Plain data. */
export interface UpsertDef<Id = unknown, Value = unknown> {
  readonly kind: 'upsert';
  readonly table: readonly string[];
  readonly id: readonly (readonly [column: string, of: (id: Id) => unknown])[];
  readonly columns: readonly (readonly [column: string, of: UpsertColumn<Id, Value>])[];
  /** Undefined = it is kept beside. */
  readonly version: string | undefined;
}

const identifier = /^[A-Za-z_][\w$]{0,62}$/;

/** Names a table that values are written to, each only over an older version of itself. */
export function upsert<Id, Value>(options: UpsertOptions<Id, Value>): UpsertDef<Id, Value> {
  const { table, id, columns, version } = options;
  const names = String(table).split('.');
  if (names.length > 2) throw wrong('table', table);
  for (const name of names) check('table', name);
  const ids =
    typeof id === 'string'
      ? [[check('id', id), (value: Id): unknown => value] as const]
      : Object.entries(id).map(([column, of]) => [check('id', column), of] as const);
  const held = Array.isArray(columns)
    ? (columns as readonly string[]).map((column) => [check('columns', column), column] as const)
    : Object.entries(columns as Readonly<Record<string, UpsertColumn<Id, Value>>>).map(
        ([column, of]) => [check('columns', column), of] as const,
      );
  if (ids.length === 0 || held.length === 0)
    throw wrong(ids.length === 0 ? 'id' : 'columns', 'an empty list');
  const all = [...ids, ...held].map(([column]) => column);
  if (version !== 'side') all.push(check('version', version));
  const twice = all.find((column, i) => all.indexOf(column) !== i);
  if (twice !== undefined) throw wrong('columns', `'${twice}' twice`);
  return Object.freeze({
    kind: 'upsert',
    table: names,
    id: ids,
    columns: held,
    version: version === 'side' ? undefined : version,
  });
}

export const isUpsert = (write: unknown): write is UpsertDef =>
  (write as { kind?: unknown } | null | undefined)?.kind === 'upsert';

function check(option: string, name: unknown): string {
  if (typeof name === 'string' && identifier.test(name)) return name;
  throw wrong(option, name);
}

const wrong = (option: string, got: unknown): SamovarError =>
  new SamovarError(
    'E_CONFIG',
    `expected \`upsert.${option}\` to be a plain name in SQL, got '${String(got)}'`,
    {
      hints: [
        "letters, digits and '_', as in upsert({ table: 'public.product', id: 'id', columns: ['name'], version: 'ver' })",
      ],
    },
  );

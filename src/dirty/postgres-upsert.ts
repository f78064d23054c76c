import type { Pool } from '../connect.ts';
import { SamovarError } from '../errors.ts';
import type { UpsertColumn, UpsertDef } from '../upsert.ts';
import { int4Array, int8Array, textArray } from './arrays.ts';
import { type Statements, statementsOf } from './postgres-statements.ts';
import { readTable, type Table } from './postgres-table.ts';
import type { Epochs, Target, TargetRow } from './target.ts';
import { columnText } from './texts.ts';

interface Known {
  readonly table: Table;
  readonly fenced: Statements;
  readonly alone: Statements;
}

export interface UpsertTargetOptions {
  readonly cache: string;
  readonly def: UpsertDef;
}

/** Writes rows by statements of its own, two at most for a batch: what is put, and what is deleted. */
export function createUpsertTarget(pool: Pool, { cache, def }: UpsertTargetOptions): Target {
  let known: Promise<Known> | undefined;

  const know = (): Promise<Known> => {
    known ??= readTable(pool, def)
      .then((table) => ({
        table,
        fenced: statementsOf(def, table, true),
        alone: statementsOf(def, table, false),
      }))
      .catch((error: unknown) => {
        known = undefined;
        throw error;
      });
    return known;
  };

  const run = async (
    sql: string,
    rows: readonly TargetRow[],
    epochs: Epochs | undefined,
    columns: readonly (readonly (string | Buffer | null)[])[],
  ): Promise<{ held: number[]; applied: number }> => {
    const keys = rows.map(({ key }) => key);
    const packed = textArray(keys);
    // Often the id is the key.
    const isKey = (texts: (typeof columns)[number]) => texts.every((text, i) => text === keys[i]);
    const { rows: told } = await pool.query<{ held: number[]; applied: number }>(sql, [
      cache,
      ...(epochs === undefined ? [null, null, null] : fenceOf(rows, epochs)),
      int4Array(rows.map(({ partition }) => partition)),
      packed,
      int8Array(rows.map(({ version }) => version)),
      ...columns.map((texts) => (isKey(texts) ? packed : textArray(texts))),
    ]);
    return told[0]!;
  };

  /** Of how many of these rows there are later versions. */
  const laterThan = async (rows: readonly TargetRow[], { table, fenced }: Known): Promise<number> => {
    const { rows: told } = await pool.query<{ newer: number }>(fenced.newer, [
      textArray(rows.map(({ key }) => key)),
      int8Array(rows.map(({ version }) => version)),
      ...def.id.map(([column, of]) =>
        textArray(rows.map(({ id }) => columnText(of(id), table.types.get(column)!))),
      ),
    ]);
    return told[0]!.newer;
  };

  return {
    async write({ rows, epochs }) {
      const known = await know();
      const { table, fenced, alone } = known;
      const statements = epochs === undefined ? alone : fenced;
      const held: TargetRow[] = [];
      let applied = 0;
      let newer = 0;
      const put: TargetRow[] = [];
      const removed: TargetRow[] = [];
      for (const row of rows) (row.value === undefined ? removed : put).push(row);
      for (const some of [put, removed]) {
        if (some.length === 0) continue;
        some.sort((a, b) => (a.key < b.key ? -1 : 1));
        const typeOf = (column: string) => table.types.get(column)!;
        const columns: (string | Buffer | null)[][] = def.id.map(([column, of]) =>
          some.map(({ id }) => columnText(of(id), typeOf(column))),
        );
        if (some === put)
          for (const [column, of] of def.columns)
            columns.push(some.map((row) => cellOf(row, of, typeOf(column))));
        const told = await run(some === put ? statements.put : statements.remove, some, epochs, columns);
        const ours = new Set(told.held);
        const own = some.filter(({ partition }) => ours.has(partition));
        held.push(...own);
        applied += told.applied;
        // Rarely: they were flushed before, and only letting go of them was not.
        if (epochs !== undefined && told.applied < own.length) newer += await laterThan(own, known);
      }
      return { held, applied, newer };
    },
    forget() {
      known = undefined;
    },
  };
}

function fenceOf(rows: readonly TargetRow[], epochs: Epochs): Buffer[] {
  const highs = new Map<number, number>();
  for (const { partition, version } of rows)
    highs.set(partition, Math.max(version, highs.get(partition) ?? 0));
  // In order, so that two statements never wait for each other.
  const partitions = [...highs.keys()].sort((a, b) => a - b);
  return [
    int4Array(partitions),
    int8Array(partitions.map((p) => epochs.get(p) ?? 0)),
    int8Array(partitions.map((p) => highs.get(p)!)),
  ];
}

function cellOf(
  { value, json, id }: TargetRow,
  of: UpsertColumn<unknown, unknown>,
  type: string,
): string | Buffer | null {
  if (of === '*') return json ?? JSON.stringify(value);
  if (typeof of === 'function') {
    try {
      return columnText(of(value, id), type);
    } catch (error) {
      throw new SamovarError('E_ENCODE', `\`upsert.columns\` failed: ${String(error)}`, { cause: error });
    }
  }
  return columnText((value as Record<string, unknown> | null)?.[of], type);
}

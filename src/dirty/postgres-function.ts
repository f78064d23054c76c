import { createHash } from 'node:crypto';
import { type Clock, deadline } from '../clock.ts';
import type { Pool, PoolClient } from '../connect.ts';
import type { AnyCacheDef } from '../define.ts';
import { SamovarError } from '../errors.ts';
import { transaction } from '../transaction.ts';
import type { Epochs, Target, TargetRow } from './target.ts';

type Write = Extract<NonNullable<AnyCacheDef['write']>, (...args: never[]) => unknown>;

export interface FunctionTargetOptions {
  readonly cache: string;
  readonly write: Write;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const fenceSql = `
  update samovar.dirty_partition d set high = greatest(d.high, h.high)
  from unnest($2::int[], $3::int8[], $4::int8[]) h(p, epoch, high)
  where d.cache = $1 and d.p = h.p and d.epoch = h.epoch returning d.p`;

/** Hands batches to a writer of the application, in a transaction that ends before anybody else may flush them. */
export function createFunctionTarget(
  pool: Pool,
  { cache, write, timeoutMs, clock }: FunctionTargetOptions,
): Target {
  const hold = async (
    client: PoolClient,
    rows: readonly TargetRow[],
    epochs: Epochs,
  ): Promise<Set<number>> => {
    const partitions = [...new Set(rows.map(({ partition }) => partition))].sort((a, b) => a - b);
    const { rows: held } = await client.query<{ p: number }>(fenceSql, [
      cache,
      partitions,
      partitions.map((p) => epochs.get(p) ?? 0),
      partitions.map((p) =>
        rows.reduce((most, row) => (row.partition === p ? Math.max(most, row.version) : most), 0),
      ),
    ]);
    return new Set(held.map(({ p }) => p));
  };

  const hand = async (client: PoolClient, rows: readonly TargetRow[], outer: AbortSignal): Promise<void> => {
    const limit = deadline(
      clock,
      timeoutMs,
      () => new SamovarError('E_WRITE_FAILED', `\`caches.${cache}.write\` did not end in time`),
      outer,
    );
    try {
      const puts = rows.filter(({ value }) => value !== undefined);
      await Promise.race([
        limit.over,
        Promise.resolve(
          write(new Map(puts.map(({ id, value }) => [id, value])), {
            signal: limit.signal,
            deleted: rows.filter(({ value }) => value === undefined).map(({ id }) => id),
            versions: new Map(rows.map(({ id, version }) => [id, version])),
            batch: batchOf(rows),
            client,
          }),
        ),
      ]);
    } finally {
      limit.done();
    }
  };

  return {
    write: ({ rows, epochs, signal }) =>
      transaction(pool, async (client) => {
        const held =
          epochs === undefined
            ? new Set(rows.map(({ partition }) => partition))
            : await hold(client, rows, epochs);
        const own = rows.filter(({ partition }) => held.has(partition));
        if (own.length > 0) await hand(client, own, signal);
        return { held: own, applied: own.length };
      }),
    forget() {},
  };
}

/** The same for the same versions of the same keys, whoever flushes them. */
const batchOf = (rows: readonly TargetRow[]): string =>
  createHash('sha256')
    .update(
      rows
        .map(({ key, version }) => `${key}\n${version}`)
        .sort()
        .join('\n'),
    )
    .digest('base64url')
    .slice(0, 22);

import type { Collected, Transaction, TransactionClient, TransactionPool } from '../collected.ts';
import { SamovarError } from '../errors.ts';
import { collect } from './collect.ts';

function open<Client extends TransactionClient, What>(
  client: Client,
  collected: Collected<What>,
  depth: number,
): Transaction<Client, What> {
  return {
    client,
    invalidate: collected.invalidate,
    async savepoint(work) {
      const name = `samovar_${depth}`;
      const inner = collected.savepoint();
      await client.query(`savepoint ${name}`);
      try {
        const result = await work(open(client, inner, depth + 1));
        await client.query(`release savepoint ${name}`);
        await inner.commit();
        return result;
      } catch (error) {
        await client.query(`rollback to savepoint ${name}`);
        throw error;
      }
    },
  };
}

/** Runs the work in one transaction; what it throws rolls everything back. */
export async function transact<Client extends TransactionClient, What, Result>(
  pool: TransactionPool<Client>,
  carryOut: (all: readonly What[]) => Promise<void>,
  work: (tx: Transaction<Client, What>) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  const collected = collect<What>(carryOut);
  let broken: Error | undefined;
  let isSent = false;
  let result: Result;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on?.('error', onError);
  try {
    await client.query('begin');
    try {
      result = await work(open(client, collected, 0));
      isSent = true;
      // Postgres answers ROLLBACK, and no error, where a statement of the transaction had failed and nobody was told.
      const told = (await client.query('commit')) as { readonly command?: string } | undefined;
      if (told?.command === 'ROLLBACK') {
        isSent = false;
        throw new SamovarError(
          'E_USAGE',
          'the transaction was rolled back: one of its statements had failed',
          {
            hints: ['a statement that may fail belongs into a savepoint: tx.savepoint(…)'],
          },
        );
      }
    } catch (error) {
      await client.query('rollback').catch((lost: Error) => {
        broken = lost;
      });
      // COMMIT may have been carried out although its answer was lost: forgetting too much is right, too little is not.
      if (isSent || broken !== undefined) await collected.commit().catch(() => {});
      throw error;
    }
  } finally {
    client.off?.('error', onError);
    client.release(broken ?? false);
  }
  await collected.commit();
  return result;
}

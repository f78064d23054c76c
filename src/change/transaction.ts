import type { Collected, Transaction, TransactionClient, TransactionPool } from '../collected.ts';
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
  let result: Result;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on?.('error', onError);
  try {
    await client.query('begin');
    try {
      result = await work(open(client, collected, 0));
      await client.query('commit');
    } catch (error) {
      await client.query('rollback').catch((lost: Error) => {
        broken = lost;
      });
      // COMMIT may have been carried out although its answer was lost: forgetting too much is right, too little is not.
      if (broken !== undefined) await collected.commit().catch(() => {});
      throw error;
    }
  } finally {
    client.off?.('error', onError);
    client.release(broken ?? false);
  }
  await collected.commit();
  return result;
}

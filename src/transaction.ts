import type { Pool, PoolClient } from './connect.ts';

/**
 * Lends a connection for several statements that belong together, and takes it back whatever happens. One that broke
 * is not used again; `keep: false` ends it in any case, and with it its temporary tables, settings and locks.
 */
export async function withClient<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
  { keep = true }: { keep?: boolean } = {},
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A lent client that loses its connection emits this even when its statements reject; unheard, it ends the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } finally {
    client.off('error', onError);
    client.release(broken ?? !keep);
  }
}

/** Runs the work in one transaction. What it throws rolls everything back. */
export const transaction = <Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> => withClient(pool, (client) => inTransaction(client, () => work(client)));

/** Runs the work in one transaction of a lent connection. */
export async function inTransaction<Result>(
  client: PoolClient,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    // It fails only where the connection is lost, and then the server rolls back by itself.
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

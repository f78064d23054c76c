/** A worker that carries out a BullMQ job for every write, as most do without a buffer. */
import { Worker } from 'bullmq';
import { openPostgres } from '../../../src/connect.ts';
import type { WriteJob } from './job-writes.ts';
import { openEventLog } from './log.ts';
import { type FlusherOptions, queueName } from './options.ts';

const options: FlusherOptions = JSON.parse(process.argv[2]!);
const log = openEventLog(options.log);
const pool = await openPostgres({ url: options.postgresUrl, from: 'the test', max: 4, waitMs: 1_000 });
const worker = new Worker<WriteJob>(
  queueName,
  async ({ id, data: { key, json } }) => {
    if (json === null) await pool.query('delete from item where key = $1', [key]);
    else
      await pool.query(
        `insert into item (key, value, ver) values ($1, $2, $3)
         on conflict (key) do update set value = excluded.value, ver = excluded.ver`,
        [key, json, Number(id)],
      );
  },
  {
    connection: { url: options.redisUrl, maxRetriesPerRequest: null },
    concurrency: 4,
    lockDuration: 1_000,
    stalledInterval: 1_000,
  },
);
worker.on('error', () => {}); // a server that is away is tried again
process.once('message', async () => {
  await worker.close();
  log.note({ e: 'bye', by: options.name });
  await pool.end();
  process.exit();
});
process.once('disconnect', () => process.exit());
process.send?.('ready');

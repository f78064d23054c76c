/** A worker as the package starts it: jobs, ticker and all. Ends by SIGTERM within its grace, as `samovar worker` does. */
import { flush } from '../../../jobs/flush.ts';
import { openPostgres } from '../../../src/connect.ts';
import { createSamovar } from '../../../src/samovar.ts';
import { openEventLog } from './log.ts';
import { type FlusherOptions, setClock } from './options.ts';
import { configOf, shopOf } from './shop.ts';

const options: FlusherOptions = JSON.parse(process.argv[2]!);
setClock(options);
const { failpoint, delayMs, batch, graceMs = 20_000 } = options;
const log = openEventLog(options.log);
const pool = await openPostgres({ url: options.postgresUrl, from: 'the test', max: 4, waitMs: 1_000 });
const shop = shopOf(pool, { delay: delayMs, batch });
let passed = 0;
const samovar = await createSamovar(configOf(options, shop, [flush]), {
  reached(point) {
    if (point !== failpoint?.point || ++passed !== (failpoint.nth ?? 1)) return;
    log.note({ e: 'fault', kind: `${failpoint.action} at ${point}` });
    process.kill(process.pid, failpoint.action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  },
});
const working = await samovar.work({ only: ['flush'] });

const stop = async () => {
  await working.stop({ grace: graceMs });
  log.note({ e: 'bye', by: options.name });
  process.exit();
};
process.once('message', stop);
process.once('SIGTERM', stop);
process.once('disconnect', () => process.exit());
process.send?.('ready');

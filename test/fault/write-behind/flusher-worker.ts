/** A flusher as a process of its own: it carries dirty writes over until it is told to stop, or ends itself at a failpoint. */
import { systemClock as clock } from '../../../src/clock.ts';
import { lastingSession, openPostgres, openRedis } from '../../../src/connect.ts';
import type { DirtyRow } from '../../../src/dirty/dirty.ts';
import { createFlusher } from '../../../src/dirty/flusher.ts';
import { createDirtyRecords } from '../../../src/dirty/postgres.ts';
import { createUpsertTarget } from '../../../src/dirty/postgres-upsert.ts';
import { createRedisDirty } from '../../../src/dirty/redis.ts';
import type { Grants, Point, Target } from '../../../src/dirty/target.ts';
import { createEmitter } from '../../../src/events.ts';
import { upsert } from '../../../src/upsert.ts';
import { openEventLog } from './log.ts';
import { cache, type FlusherOptions, prefix } from './options.ts';

const options: FlusherOptions = JSON.parse(process.argv[2]!);
const { name: by, failpoint } = options;
const log = openEventLog(options.log);
const redis = openRedis({
  role: 'buffer',
  use: 'once',
  url: options.redisUrl,
  from: 'the test',
  commandTimeoutMs: 1_000,
});
redis.connect().catch(() => {}); // tried again by itself
const pool = await openPostgres({
  url: options.postgresUrl,
  from: 'the test',
  max: 4,
  waitMs: 1_000,
  settings: lastingSession,
});
const dirty = createRedisDirty(redis, { prefix });

const ledger = createDirtyRecords(pool);
const grants: Grants = {
  async grant(...asked) {
    const granted = await ledger.grant(...asked);
    log.note({ e: 'grant', by, epochs: Array.from(granted, ([p, { epoch }]) => [p, epoch] as const) });
    return granted;
  },
};

const table = createUpsertTarget(pool, {
  cache,
  def: upsert<unknown, unknown>({ table: 'item', id: 'key', columns: { value: '*' }, version: 'ver' }),
});
let sent = 0;
const target: Target = {
  ...table,
  async write(asked) {
    const batch = `${by}-${++sent}`;
    log.note({
      e: 'sent',
      by,
      batch,
      rows: asked.rows.map(({ key, version, partition }) => [key, version, partition] as const),
      epochs: [...(asked.epochs ?? [])],
    });
    try {
      const result = await table.write(asked);
      const held = [...new Set(result.held.map(({ partition }) => partition))];
      log.note({ e: 'wrote', batch, held, applied: result.applied });
      return result;
    } catch (error) {
      log.note({ e: 'refused', batch, code: String((error as { code?: unknown }).code ?? 'unknown') });
      throw error;
    }
  },
};

let passed = 0;
const reached = (point: Point): void => {
  if (point !== failpoint?.point || ++passed !== (failpoint.nth ?? 1)) return;
  log.note({ e: 'fault', kind: `${failpoint.action} at ${point}` });
  process.kill(process.pid, failpoint.action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
};

const flusher = createFlusher({
  cache,
  settings: options,
  dirty,
  grants,
  target,
  openRow: ({ partition, key, version, operation, form }: DirtyRow) => {
    const json = form && String(form.body);
    return { partition, key, version, operation, id: key, value: json && JSON.parse(json), json };
  },
  written: async () => {},
  holder: by,
  clock,
  events: createEmitter(),
  reached,
});

const stopping = new AbortController();
process.once('message', () => stopping.abort());
process.once('disconnect', () => process.exit());
process.send?.('ready');
while (!stopping.signal.aborted) {
  await flusher.flush({ signal: stopping.signal });
  await clock.sleep(10);
}
await flusher.close().catch(() => {}); // the server may be away
log.note({ e: 'bye', by });
redis.disconnect();
await pool.end();
process.disconnect();

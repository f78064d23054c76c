/** A flusher as a process of its own: it carries dirty writes over until it is told to stop, or ends itself at a failpoint. */
import { existsSync } from 'node:fs';
import { systemClock as clock } from '../../../src/clock.ts';
import { openGround } from '../../../src/compose/ground.ts';
import { lastingSession, openPostgres } from '../../../src/connect.ts';
import type { DirtyRow } from '../../../src/dirty/dirty.ts';
import { createFlusher } from '../../../src/dirty/flusher.ts';
import { createDirtyRecords } from '../../../src/dirty/postgres.ts';
import { createUpsertTarget } from '../../../src/dirty/postgres-upsert.ts';
import type { Grants, Point, Target } from '../../../src/dirty/target.ts';
import { createEmitter } from '../../../src/events.ts';
import { openEventLog } from './log.ts';
import { cache, type FlusherOptions, setClock } from './options.ts';
import { configOf, shopOf, shopUpsert } from './shop.ts';

const options: FlusherOptions = JSON.parse(process.argv[2]!);
setClock(options);
const { name: by, failpoint } = options;
const log = openEventLog(options.log);
const pool = await openPostgres({
  url: options.postgresUrl,
  from: 'the test',
  max: 4,
  waitMs: 1_000,
  settings: lastingSession,
});
const ground = await openGround(configOf(options, shopOf(pool, {})), { record: false });
const dirty = ground.dirty!;

const ledger = createDirtyRecords(pool);
const grants: Grants = {
  async grant(...asked) {
    const granted = await ledger.grant(...asked).catch((error: { code?: unknown }) => {
      log.note({ e: 'refused', batch: `${by}-grant`, code: String(error.code ?? 'unknown') });
      throw error;
    });
    log.note({ e: 'grant', by, epochs: Array.from(granted, ([p, { epoch }]) => [p, epoch] as const) });
    return granted;
  },
};

const table = createUpsertTarget(pool, {
  cache,
  def: shopUpsert,
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
  const { action } = failpoint;
  log.note({ e: 'fault', kind: `${action} at ${point}` });
  if (action === 'kill') process.kill(process.pid, 'SIGKILL');
  else if (action === 'stop') process.kill(process.pid, 'SIGSTOP');
  // The event loop stands still until the test lets it go on.
  else while (!existsSync(`${options.log}.go`));
};

/** A claim of nothing is no place to stand at: what is done after it would show nothing. */
const claiming: Pick<typeof dirty, 'claim'> = {
  async claim(...asked) {
    const claim = await dirty.claim(...asked);
    if (claim.rows.length > 0) reached('after-claim');
    return claim;
  },
};

const flusher = createFlusher({
  cache,
  settings: options,
  dirty: { ...dirty, ...claiming },
  grants,
  target,
  openRow: ({ partition, key, version, form }: DirtyRow) => {
    const json = form && String(form.body);
    return { partition, key, version, id: key, value: json && JSON.parse(json), json };
  },
  // As workers do it; while the cache is away its entries are old until their ttl ends.
  written: (keys) => ground.caches.forget(cache, keys).catch(() => {}),
  holder: by,
  clock,
  events: createEmitter(),
  reached: (point) => {
    if (point !== 'after-claim') reached(point);
  },
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
await Promise.race([ground.close(), clock.sleep(1_000)]); // the servers may be away
await pool.end();
process.exit();

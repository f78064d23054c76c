import { AsyncLocalStorage } from 'node:async_hooks';
import { flush } from '../../../jobs/flush.ts';
import { openGround } from '../../../src/compose/ground.ts';
import { openPostgres } from '../../../src/connect.ts';
import { isSamovarError } from '../../../src/errors.ts';
import type { EventLog } from './log.ts';
import type { ClientOptions } from './options.ts';
import { configOf, shopOf } from './shop.ts';
import type { Outcome, Way } from './way.ts';

/** Refusals: nothing was changed. What an addition needs to be loaded first is asked for before anything is written. */
const sure = new Set([
  'E_BUFFER',
  'E_BUFFER_UNAVAILABLE',
  'E_DIRTY_FULL',
  'E_ENCODE',
  'E_LOAD_FAILED',
  'E_LOAD_TIMEOUT',
  'E_ORIGIN_UNAVAILABLE',
  'E_WRITE_FAILED',
]);

interface Call {
  /** Of an addition: the key must be dirty before it can be added to, and is made so by a write of its own. */
  readonly isAddition: boolean;
  version?: number;
}

/** Through the cache itself, as applications do: buffer, entries, loads and all. */
export async function openCacheWay(options: ClientOptions, log: EventLog): Promise<Way> {
  const pool = await openPostgres({ url: options.postgresUrl, from: 'the test', max: 4, waitMs: 1_000 });
  const shop = shopOf(pool, {
    delay: 0,
    maxDirty: options.hardMark * 64,
    whenFull: 'reject',
    acknowledge: options.acknowledge,
  });
  const ground = await openGround(configOf(options, shop, [flush]), { record: false });
  const cache = ground.caches.open(shop);
  ground.events.on('buffer:changed', ({ isSafe }) => log.note({ e: 'alarm', by: options.name, isSafe }));

  // The version of a write is what the buffer answered: applications are not told, the checker must know.
  const calls = new AsyncLocalStorage<Call>();
  const dirty = ground.dirty!;
  const { write, add } = dirty;
  let made = 0;
  dirty.write = async (name, asked, marks) => {
    const call = calls.getStore()!;
    if (!call.isAddition) {
      const written = await write(name, asked, marks);
      if (written.kind === 'ok') call.version = written.version;
      return written;
    }
    const id = `${options.name}-base-${++made}`;
    log.note({ e: 'add', by: options.name, id, key: asked.key, amount: 0 });
    try {
      const written = await write(name, asked, marks);
      if (written.kind === 'ok') log.note({ e: 'ok', id, version: written.version });
      else log.note({ e: 'fail', id, why: written.kind });
      return written;
    } catch (error) {
      const { kind, why } = outcomeOf(error);
      log.note({ e: kind, id, why });
      throw error;
    }
  };
  dirty.add = async (...asked) => {
    const added = await add(...asked);
    if (added.kind === 'ok') calls.getStore()!.version = added.version;
    return added;
  };

  const told = async (isAddition: boolean, work: () => Promise<unknown>): Promise<Outcome> => {
    const call: Call = { isAddition };
    try {
      await calls.run(call, work);
      return { kind: 'ok', version: call.version! };
    } catch (error) {
      const outcome = outcomeOf(error);
      // The buffer has it, and something after that went wrong.
      return outcome.kind === 'fail' && call.version !== undefined ? { ...outcome, kind: 'info' } : outcome;
    }
  };

  return {
    write: (key, value, operation) => {
      const more = operation === undefined ? {} : { operation };
      return told(false, () => (value === null ? cache.delete(key, more) : cache.set(key, value, more)));
    },
    add: (key, operation) => told(true, () => cache.increment(key, 1, { operation })),
    read: (key) => cache.get(key),
    async close() {
      await ground.close();
      await pool.end();
    },
  };
}

function outcomeOf(error: unknown): Exclude<Outcome, { kind: 'ok' }> {
  if (!isSamovarError(error)) return { kind: 'info', why: 'unknown' };
  const { code, operation } = error;
  return sure.has(code) ? { kind: 'fail', why: code } : { kind: 'info', why: code, operation };
}

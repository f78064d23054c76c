/** An application as a process of its own: callers that write and read until they are told to stop. */
import { systemClock as clock } from '../../../src/clock.ts';
import { openPostgres, openRedis } from '../../../src/connect.ts';
import type { DirtyWrite } from '../../../src/dirty/dirty.ts';
import { createRedisDirty } from '../../../src/dirty/redis.ts';
import { isSamovarError } from '../../../src/errors.ts';
import { seeded } from '../seeded.ts';
import { createJobWrites } from './job-writes.ts';
import { monotonic, openEventLog } from './log.ts';
import { type ClientOptions, cache, poison, prefix } from './options.ts';

const options: ClientOptions = JSON.parse(process.argv[2]!);
const { name: by } = options;
const marks = { soft: options.hardMark, hard: options.hardMark };
const random = seeded(options.seed);
const log = openEventLog(options.log);
const redis = openRedis({
  role: 'buffer',
  use: 'once',
  url: options.redisUrl,
  from: 'the test',
  commandTimeoutMs: options.commandTimeoutMs,
});
redis.connect().catch(() => {}); // tried again by itself
const pool = await openPostgres({ url: options.postgresUrl, from: 'the test', max: 4, waitMs: 1_000 });
const isBuffered = options.via === 'buffer';
const dirty = isBuffered ? createRedisDirty(redis, { prefix }) : createJobWrites(options.redisUrl);

let made = 0;
let isStopping = false;
/** Half of the hot keys fall silent, each at a time of its own: a key that is written on and on hides what was lost of it. */
const silentFrom = Array.from({ length: options.hotKeys }, (_, i) =>
  i % 2 === 0 ? Number.POSITIVE_INFINITY : random() * 3_000,
);

/** Settled for sure, or not: what a caller is told decides. */
const settle = (id: string, error: unknown): 'fail' | 'info' => {
  const code = isSamovarError(error) ? error.code : 'unknown';
  const e = code === 'E_BUFFER_UNAVAILABLE' ? 'fail' : 'info';
  log.note({ e, id, why: code });
  return e;
};

async function write(key: string, value: string | null, again?: DirtyWrite): Promise<void> {
  const id = `${by}-${++made}`;
  const form = value === null ? undefined : { body: JSON.stringify(value), flags: 0 };
  const asked = again ?? { key, form, operation: id };
  log.note({ e: 'inv', by, id, key, value });
  try {
    const written = await dirty.write(cache, asked, marks);
    if (written.kind === 'ok') log.note({ e: 'ok', id, version: written.version });
    else log.note({ e: 'fail', id, why: written.kind });
  } catch (error) {
    const outcome = settle(id, error);
    if (isBuffered && outcome === 'info' && again === undefined && random() < 0.5)
      await write(key, value, { ...asked, isRepeated: true });
  }
}

const put = (key: string, what = '') => write(key, `${what}${by}-${made + 1}`);

/** Adds one: to what is dirty, else to what the origin has, unless somebody is faster. */
async function add(key: string): Promise<void> {
  if (!isBuffered) return;
  const id = `${by}-${++made}`;
  log.note({ e: 'add', by, id, key, amount: 1 });
  try {
    for (let tries = 0; tries < 20; tries++) {
      const added = await dirty.add(cache, { key, by: 1, operation: id });
      if (added.kind === 'ok') return log.note({ e: 'ok', id, version: added.version });
      const { word, entry } = await dirty.watch(cache, key, `${id}-${tries}`);
      const from = entry === undefined ? await inOrigin(key) : String(entry.form?.body ?? 0);
      const form = { body: String(Number(from ?? 0) + 1), flags: 0 };
      const written = await dirty.write(cache, { key, form, operation: id, watched: word }, marks);
      if (written.kind === 'ok') return log.note({ e: 'ok', id, version: written.version });
      if (written.kind === 'full') break;
    }
    log.note({ e: 'fail', id, why: 'never its turn' });
  } catch (error) {
    settle(id, error);
  }
}

const inOrigin = async (key: string): Promise<string | undefined> => {
  const { rows } = await pool.query<{ value: string }>('select value from item where key = $1', [key]);
  return rows[0]?.value;
};

/** What is dirty is the newest; what is not is in the origin. */
async function read(key: string): Promise<void> {
  if (!isBuffered) return;
  const from = monotonic();
  try {
    const [entry] = await dirty.read(cache, [key]);
    const json = entry === undefined ? await inOrigin(key) : entry.form && String(entry.form.body);
    log.note({ e: 'rd', from, by, key, value: json === undefined ? null : JSON.parse(json) });
  } catch {
    // A server is away: nothing was read.
  }
}

function hotKey(): string | undefined {
  const at = Math.floor(options.hotKeys ** random()) - 1;
  return made < silentFrom[at]! ? `h:${at}` : undefined;
}

async function caller(): Promise<void> {
  while (!isStopping) {
    const dice = random();
    const hot = hotKey();
    if (random() < options.poison) {
      await put(`p:${by}:${made + 1}`, poison);
    } else if (dice < 0.3) {
      const key = `u:${by}:${made + 1}`;
      await put(key);
      if (random() < 0.1) await read(key);
    } else if (dice < 0.65 && hot !== undefined) {
      await (random() < 0.1 ? write(hot, null) : put(hot));
      if (random() < 0.2) await read(hot);
    } else if (dice < 0.95) {
      // Written, deleted, made anew; each may be the last.
      const key = `d:${by}:${made + 1}`;
      const steps = 1 + Math.floor(random() * 3);
      for (let step = 0; step < steps && !isStopping; step++) {
        await (step === 1 ? write(key, null) : put(key));
        await clock.sleep(random() * 30);
        if (random() < 0.2) await read(key);
      }
    } else {
      await add(`c:${Math.floor(random() * 5)}`);
    }
    await clock.sleep(options.restMs * random() * 2);
  }
}

process.once('message', () => {
  isStopping = true;
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
await Promise.all(Array.from({ length: options.callers }, caller));
log.note({ e: 'bye', by });
redis.disconnect();
await pool.end();
process.exit();

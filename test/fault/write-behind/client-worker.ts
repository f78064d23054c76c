/** An application as a process of its own: callers that write and read until they are told to stop. */
import { systemClock as clock } from '../../../src/clock.ts';
import { seeded } from '../seeded.ts';
import { openCacheWay } from './cache-way.ts';
import { openJobsWay } from './job-writes.ts';
import { monotonic, openEventLog } from './log.ts';
import { type ClientOptions, poison, setClock } from './options.ts';
import type { Outcome } from './way.ts';

const options: ClientOptions = JSON.parse(process.argv[2]!);
setClock(options);
const { name: by } = options;
const random = seeded(options.seed);
const log = openEventLog(options.log);
const way = options.via === 'buffer' ? await openCacheWay(options, log) : openJobsWay(options.redisUrl);

let made = 0;
let isStopping = false;
/** Half of the hot keys fall silent, each at a time of its own: a key that is written on and on hides what was lost of it. */
const silentFrom = Array.from({ length: options.hotKeys }, (_, i) =>
  i % 2 === 0 ? Number.POSITIVE_INFINITY : random() * 3_000,
);

const settle = (id: string, outcome: Outcome): void => {
  if (outcome.kind === 'ok') log.note({ e: 'ok', id, version: outcome.version });
  else log.note({ e: outcome.kind, id, why: outcome.why });
};

interface Again {
  /** The write that is asked for again. */
  readonly id: string;
  readonly operation: string;
}

async function write(key: string, value: string | null, again?: Again): Promise<void> {
  const id = `${by}-${++made}`;
  log.note({ e: 'inv', by, id, key, value, ...(again === undefined ? {} : { again: again.id }) });
  const outcome = await way.write(key, value, again?.operation);
  settle(id, outcome);
  if (outcome.kind !== 'info' || again !== undefined || outcome.operation === undefined) return;
  if (random() < 0.5) return;
  // At once, or when it was carried over and others have written.
  if (random() < 0.5) await clock.sleep(random() * 2_000);
  await write(key, value, { id, operation: outcome.operation });
}

const put = (key: string, what = '') => write(key, `${what}${by}-${made + 1}`);

async function add(key: string): Promise<void> {
  if (way.add === undefined) return;
  const id = `${by}-${++made}`;
  log.note({ e: 'add', by, id, key, amount: 1 });
  settle(id, await way.add(key, id));
}

async function read(key: string): Promise<void> {
  if (way.read === undefined) return;
  const from = monotonic();
  try {
    const value = await way.read(key);
    log.note({ e: 'rd', from, by, key, value: value === undefined ? null : String(value) });
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
    } else if (random() < options.additions) {
      await add(`c:${Math.floor(random() * 5)}`);
    } else if (dice < 0.3) {
      const key = `u:${by}:${made + 1}`;
      await put(key);
      if (random() < 0.1) await read(key);
    } else if (dice < 0.65 && hot !== undefined) {
      await (random() < 0.1 ? write(hot, null) : put(hot));
      if (random() < options.reads) await read(hot);
    } else {
      // Written, deleted, made anew; each may be the last.
      const key = `d:${by}:${made + 1}`;
      const steps = 1 + Math.floor(random() * 3);
      for (let step = 0; step < steps && !isStopping; step++) {
        await (step === 1 ? write(key, null) : put(key));
        await clock.sleep(random() * 30);
        if (random() < options.reads) await read(key);
      }
    }
    await clock.sleep(options.restMs * random() * 2);
  }
}

async function reader(): Promise<void> {
  while (!isStopping) {
    await read(`h:${Math.floor(random() * options.hotKeys)}`);
    await clock.sleep(options.restMs * random());
  }
}

const laid = Array.from({ length: options.laid }, (_, i) => `t:${by}:${i}`);

process.on('message', (word) => {
  if (word === 'delete') for (const key of laid) void write(key, null);
  else isStopping = true;
});
process.once('disconnect', () => process.exit());
for (const key of laid) await put(key);
process.send?.('ready');
await Promise.all([
  ...Array.from({ length: options.callers }, caller),
  ...Array.from({ length: options.readers }, reader),
]);
log.note({ e: 'bye', by });
await Promise.race([way.close(), clock.sleep(1_000)]); // a server may be away
process.exit();

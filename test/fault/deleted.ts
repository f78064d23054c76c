import { Redis } from 'ioredis';
import { type Caches, createCaches } from '../../src/cache/caches.ts';
import { nextTurn, systemClock } from '../../src/clock.ts';
import { defineCache, defineOrigin } from '../../src/define.ts';
import { createEmitter } from '../../src/events.ts';
import { key } from '../../src/key.ts';
import { createBudget } from '../../src/origin/budget.ts';
import { createRedisLimiter } from '../../src/origin/redis.ts';
import { createNames } from '../../src/store/names.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import { createRedisTags, tagsKey } from '../../src/tags/redis.ts';

export const ways = ['delete', 'tag', 'FLUSHALL'] as const;
export type Way = (typeof ways)[number];

/** What was found after some tries. */
export interface Tally {
  tries: number;
  /** Tries after which no invalidated key was there. */
  absent: number;
  /** Tries after which some was: the promise broken. */
  present: number;
  /** Tries after which a key that nobody had touched was not there, though it should be: the warm did not do its work. */
  idle: number;
}

/** A cache warmed by one process and invalidated by another, on servers that may be flushed. */
export interface Rig {
  /** Each try warms some keys, invalidates half of them while they load, and looks what is there. */
  run(way: Way, tries: number): Promise<Tally>;
  close(): void;
}

const perTry = 8;
const prefix = 'rig';

export async function openRig(urls: { cacheUrl: string; queueUrl: string }): Promise<Rig> {
  const rows = new Map<number, string>();
  let loading = (): void => {};
  let release = Promise.resolve();
  const options = {
    origin: defineOrigin('rig'),
    key: key.number,
    ttl: '1h',
    async load(ids: number[]) {
      const read = new Map(ids.map((id) => [id, rows.get(id)!]));
      loading();
      await release;
      return read;
    },
  } as const;
  const plain = defineCache('plain', options);
  const tagged = defineCache('tagged', { ...options, tags: (id) => [`tag:${id}`] });
  const cacheOf = (way: Way) => (way === 'tag' ? tagged : plain).name;
  const clients: Redis[] = [];
  const process = (): Caches => {
    const [cache, queue] = [new Redis(urls.cacheUrl), new Redis(urls.queueUrl)];
    clients.push(cache, queue);
    const events = createEmitter();
    const clock = systemClock;
    return createCaches([plain, tagged], {
      store: createRedisStore(cache, { prefix, tagsKey: tagsKey(prefix) }),
      tags: createRedisTags(cache, { prefix, keepMs: 86_400_000 }),
      budget: createBudget(createRedisLimiter(queue, { prefix }), { clock, events }),
      recorder: { hit() {}, miss() {}, beforeFlush: () => () => {}, fill() {} },
      clock,
      events,
    });
  };
  const [warmer, application] = [process(), process()];
  const admin = new Redis(urls.cacheUrl);
  const names = createNames(prefix);
  clients.push(admin);

  const invalidate: Record<Way, (ids: readonly number[]) => Promise<unknown>> = {
    delete: (ids) => application.open(plain).delete(ids),
    tag: (ids) => application.invalidate({ tags: ids.map((id) => `tag:${id}`) }),
    FLUSHALL: () => admin.flushall(),
  };

  let used = 0;
  const once = async (way: Way, number: number): Promise<keyof Omit<Tally, 'tries'>> => {
    const ids = Array.from({ length: perTry }, () => used++);
    for (const id of ids) rows.set(id, 'old');
    const begun = new Promise<void>((resolve) => {
      loading = resolve;
    });
    let go = (): void => {};
    release = new Promise((resolve) => {
      go = resolve;
    });
    const filling = warmer.fill(cacheOf(way), {
      keys: ids.map(String),
      reason: 'warm',
      plan: 1,
      rows: ids,
      signal: new AbortController().signal,
    });
    await Promise.race([begun, filling]);
    const gone = ids.filter((id) => id % 2 === 0);
    for (const id of gone) rows.set(id, 'new');
    // Before the load ends, while its entries are being written, or in between: all must come to the same.
    const turns = number % 5;
    if (turns === 0) await invalidate[way](gone);
    go();
    for (let turn = 1; turn < turns; turn++) await nextTurn();
    if (turns > 0) await invalidate[way](gone);
    await filling;
    // What was invalidated before the load ended is not even written; a reader would not see it anyway.
    const written = gone.map((id) => names.entry(cacheOf(way), String(id)));
    if (turns === 0 && (await admin.exists(...written)) > 0) return 'present';
    const looks = await application.look(cacheOf(way), ids.map(String));
    const isThere = (id: number) => looks[ids.indexOf(id)]!.state !== 'missing';
    if (gone.some(isThere)) return 'present';
    const kept = way === 'FLUSHALL' ? [] : ids.filter((id) => !gone.includes(id));
    return kept.every(isThere) ? 'absent' : 'idle';
  };

  return {
    async run(way, tries) {
      const tally: Tally = { tries, absent: 0, present: 0, idle: 0 };
      for (let number = 0; number < tries; number++) tally[await once(way, number)] += 1;
      return tally;
    },
    close() {
      for (const client of clients) client.disconnect();
    },
  };
}

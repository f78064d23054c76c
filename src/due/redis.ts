import type { Cluster, Redis } from 'ioredis';
import type { Clock, Timer } from '../clock.ts';
import { minuteMs, secondMs } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';
import { readLua } from '../files.ts';
import { hash32, isHashed } from '../key.ts';
import type { RefreshAhead } from '../refresh-ahead.ts';
import type { DueClaim, Writes } from '../rooms.ts';
import { newClaimName } from './claim-name.ts';
import { dueAt, slotMsOf } from './moment.ts';

/** A cache whose entries are refreshed ahead. */
export interface DueCache extends RefreshAhead {
  readonly cache: string;
  readonly usualMs: number;
  /** No entry lives longer, its grace included. */
  readonly longestMs: number;
}

export interface DueOptions {
  readonly prefix: string;
  readonly clock: Clock;
  readonly caches: readonly DueCache[];
  /** How long claimed keys are nobody else's. @default two minutes */
  readonly visibilityMs?: number;
  /** Most bundles of one slot, of a hundred keys at most each. @default 100_000 */
  readonly most?: number;
  /** How long keys are gathered before they are written down; 0 = until `flush`. @default 100 */
  readonly gatherMs?: number;
  /** Told of keys that were not written down: they will simply expire. */
  readonly onDropped?: (cache: string, keys: number, why: 'bound' | 'store') => void;
}

/** Which entries are due, and when: lists of keys by time, in the cache's Redis. */
export interface DueIndex {
  feeds(cache: string): boolean;
  /** Notes that an entry was filled or made to live longer. Neither waits nor throws. */
  fed(cache: string, key: string, filledAt: number, ttlMs: number): void;
  /** Writes down what was noted; answers whether the server took all of it. Never rejects. */
  flush(): Promise<boolean>;
  /** Takes keys that are due, first those whose claimer died; undefined when there are none. E_STORE_UNAVAILABLE. */
  claim(cache: string, options: { readonly most: number }): Promise<DueClaim | undefined>;
  /** Ends claims of one cache. E_STORE_UNAVAILABLE: then all of their keys come back when they end by themselves. */
  settle(claims: readonly DueClaim[], again: Parameters<Writes['due']['settle']>[1]): Promise<void>;
  close(): Promise<void>;
}

interface Scripts {
  svDueFeed(keys: 1, slots: string, ...args: (string | number)[]): Promise<number>;
  svDueClaim(keys: 2, ...args: (string | number)[]): Promise<[string, ...string[]] | null>;
  svDueSettle(keys: 1, claims: string, name: string): Promise<number>;
}

/** Parts of a cache's index on a Redis Cluster, each on its node; elsewhere there is one. */
const clusterParts = 16;
/** Keys that wait in this process while the server is away. */
const mostNoted = 20_000;
/** Keys in one command, and in one element of a list: the server handles few long texts much faster than many short ones. */
const piece = 1_000;
const bundle = 100;

export function createDue(redis: Redis | Cluster, options: DueOptions): DueIndex {
  const { prefix, clock, visibilityMs = 2 * minuteMs, most = 100_000, gatherMs = 100 } = options;
  redis.defineCommand('svDueFeed', { lua: readLua('due-feed') });
  redis.defineCommand('svDueClaim', { lua: readLua('due-claim') });
  redis.defineCommand('svDueSettle', { lua: readLua('due-settle') });
  const scripts = redis as unknown as Scripts;
  const parts = redis.isCluster ? clusterParts : 1;
  const caches = new Map(
    options.caches.map((each) => [each.cache, { ...each, slotMs: slotMsOf(each.usualMs, each) }]),
  );
  /** Keys by cache, part and when their slot is over, yet to be written down. */
  let noted = new Map<string, Map<number, Map<number, string[]>>>();
  let count = 0;
  let timer: Timer | undefined;
  const running = new Set<Promise<boolean>>();

  const slotsKey = (cache: string, part: number) => `${prefix}:{${cache}#${part}}:d`;
  const claimsKey = (cache: string, part: number) => `${prefix}:{${cache}#${part}}:dc`;
  const found = (cache: string) => {
    const known = caches.get(cache);
    if (known) return known;
    throw new SamovarError('E_CONFIG', `\`caches.${cache}\` has no \`refreshAhead\``, {
      hints: ['say when its entries are due: refreshAhead: 0.8'],
    });
  };

  const note = (cache: string, key: string, slot: number): void => {
    const part = parts === 1 ? 0 : hash32(key) % parts;
    const byPart = noted.get(cache) ?? new Map<number, Map<number, string[]>>();
    noted.set(cache, byPart);
    const bySlot = byPart.get(part) ?? new Map<number, string[]>();
    byPart.set(part, bySlot);
    const keys = bySlot.get(slot);
    if (keys) keys.push(key);
    else bySlot.set(slot, [key]);
    count += 1;
    if (count === piece) void flush();
    else if (timer === undefined && gatherMs > 0) timer = clock.after(gatherMs, () => void flush());
  };

  const fed: DueIndex['fed'] = (cache, key, filledAt, ttlMs) => {
    const known = caches.get(cache);
    if (known === undefined || isHashed(key)) return;
    const { slotMs, at } = known;
    const due = dueAt(key, filledAt, ttlMs, known);
    // A slot is looked at when it is over: what lives for less than that must be in an earlier one.
    const isShort = ttlMs * (1 - at) < 2 * slotMs;
    note(cache, key, endOf(isShort ? due - slotMs : due, slotMs));
  };

  /** Answers whether the server took them; what it did not take is tried again, as far as there is room. */
  const write = async (cache: string, part: number, bySlot: Map<number, string[]>): Promise<boolean> => {
    const { longestMs } = found(cache);
    const slots = slotsKey(cache, part);
    let args: (string | number)[] = [];
    let sent: { readonly slot: number; readonly keys: readonly string[] }[] = [];
    let keys = 0;
    const send = async (): Promise<boolean> => {
      const [told, about] = [args, sent];
      [args, sent, keys] = [[], [], 0];
      try {
        const dropped = await scripts.svDueFeed(1, slots, most, ...told);
        if (dropped > 0) options.onDropped?.(cache, dropped, 'bound');
        return true;
      } catch {
        for (const { slot, keys: some } of about) {
          if (count + some.length > mostNoted) options.onDropped?.(cache, some.length, 'store');
          else for (const key of some) note(cache, key, slot);
        }
        return false;
      }
    };
    const all: Promise<boolean>[] = [];
    for (const [slot, inSlot] of bySlot) {
      for (let from = 0; from < inSlot.length; from += piece) {
        const some = inSlot.slice(from, from + piece);
        const bundles = bundlesOf(some);
        // Nothing is due in it any more when the longest-lived entry has ended.
        args.push(slot, Math.ceil(slot + longestMs + minuteMs), bundles.length, ...bundles);
        sent.push({ slot, keys: some });
        keys += some.length;
        if (keys >= piece) all.push(send());
      }
    }
    if (keys > 0) all.push(send());
    return (await Promise.all(all)).every(Boolean);
  };

  const flush = async (): Promise<boolean> => {
    timer?.stop();
    timer = undefined;
    if (count > 0) {
      const all = noted;
      noted = new Map();
      count = 0;
      const task: Promise<boolean> = Promise.all(
        Array.from(all, ([cache, byPart]) =>
          Array.from(byPart, ([part, bySlot]) => write(cache, part, bySlot)),
        ).flat(),
      ).then((told) => {
        running.delete(task);
        return told.every(Boolean);
      });
      running.add(task);
    }
    return (await Promise.all(running)).every(Boolean);
  };

  const asked = async <T>(reply: Promise<T>): Promise<T> => {
    try {
      return await reply;
    } catch (error) {
      throw storeAway(messageOf(error), error);
    }
  };

  return {
    feeds: (cache) => caches.has(cache),

    fed,

    flush,

    async claim(cache, { most: wanted }) {
      found(cache);
      const now = Math.floor(clock.now());
      for (let part = 0; part < parts; part++) {
        const name = newClaimName();
        const keys = [slotsKey(cache, part), claimsKey(cache, part)] as const;
        const told = await asked(scripts.svDueClaim(2, ...keys, now, wanted, name, visibilityMs, bundle));
        if (told === null) continue;
        const [how, ...taken] = told;
        return { cache, part, name, isAgain: how === 'again', keys: keysIn(taken) };
      }
      return undefined;
    },

    async settle(claims, again) {
      const [first] = claims;
      if (first === undefined) return;
      const { cache } = first;
      const { slotMs } = found(cache);
      const soon = endOf(clock.now() + secondMs, slotMs);
      for (const { key, age } of again) {
        if (age === undefined) note(cache, key, soon);
        else fed(cache, key, age.filledAt, age.freshUntil - age.filledAt);
      }
      // First the index knows them, then the claims are forgotten: whoever dies in between leaves both.
      if (!(await flush())) throw storeAway('keys that are due could not be noted');
      await asked(
        Promise.all(claims.map(({ part, name }) => scripts.svDueSettle(1, claimsKey(cache, part), name))),
      );
    },

    async close() {
      await flush();
      timer?.stop();
    },
  };
}

const storeAway = (why: string, cause?: unknown): SamovarError =>
  new SamovarError('E_STORE_UNAVAILABLE', `the cache Redis does not answer: ${why}`, {
    hints: ['see that it runs and is reachable: samovar doctor'],
    cause,
  });

function bundlesOf(keys: readonly string[]): string[] {
  const bundles: string[] = [];
  for (let from = 0; from < keys.length; from += bundle) {
    const some = keys.slice(from, from + bundle);
    bundles.push(`${some.length} ${JSON.stringify(some)}`);
  }
  return bundles;
}

/** When the slot of an instant is over: slots of one length end at the same instants in every process. */
const endOf = (at: number, slotMs: number): number => Math.floor(at / slotMs + 1) * slotMs;

/** Each key once. */
function keysIn(bundles: readonly string[]): string[] {
  const keys: string[] = [];
  for (const each of bundles) keys.push(...(JSON.parse(each.slice(each.indexOf(' ') + 1)) as string[]));
  const known = new Set(keys);
  return known.size === keys.length ? keys : Array.from(known);
}

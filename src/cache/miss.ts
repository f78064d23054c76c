import type { Bus } from '../bus/bus.ts';
import { isSamovarError } from '../errors.ts';
import { leaseMs } from '../lease/lease.ts';
import { loopOf } from '../origin/within.ts';
import type { Form } from '../store/codec.ts';
import type { Begun } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';
import { createBegin } from './begin.ts';
import { type Flight, type Flights, openFlight } from './flight.ts';
import { formOf } from './form.ts';
import type { Judge } from './judge.ts';
import { createLanding, type Group, type LandingParts, type Want } from './landing.ts';
import type { Patience } from './patience.ts';
import { createSpots, type Spot } from './spots.ts';

export interface MissParts extends LandingParts {
  readonly tags: Tags;
  readonly judge: Judge;
  /** Tells when somebody else's load has ended. @default nobody does */
  readonly bus?: Bus | undefined;
  readonly patience: Patience;
}

export interface Misses {
  /** The stored form of each want, loaded at most once in this process; undefined = the origin has none. */
  read(wants: readonly Want[], options: { readonly isStoreAway: boolean }): Promise<Form | undefined>[];
  /** Later readers of these keys do not join what is under way. */
  drop(keys: readonly string[]): void;
  settled(): Promise<void>;
}

/** Entries that turn out to be of no use, one after the other, before a value is loaded past the store. */
const mostRounds = 3;
const pastBytes = 1_024;
/** Rounds of loads that one lease outlives. */
const mostLoads = 20;
/** Looks at a lease of somebody else's: often while nobody tells how it ends, else as a safety net. */
const firstPauseMs = 5;
const longestPauseMs = 100;
const safetyMs = 250;
/** How often a key may be deleted while somebody waits for it, before it is loaded without being stored. */
const mostOvertakes = 3;

/** A want and how long it has waited for somebody else's load. */
interface Waiter extends Want {
  past: Buffer | undefined;
  askedAt: number | undefined;
  readonly spot: Spot | undefined;
  /** What had been told of the key before its lease was asked for. */
  heard: number;
  readonly deleted: number;
  pauseMs: number;
  until: number | undefined;
}
interface Lot {
  readonly wants: Waiter[];
  readonly flights: Flight[];
}
/** What became of a lease, where no entry was found instead. */
const isWord = (begun: Begun): begun is Exclude<Begun, Buffer> => typeof begun === 'string';
const none: readonly undefined[] = [];
const emptyLot = (): Lot => ({ wants: [], flights: [] });

/**
 * Loads what readers miss: under a lease, once per key and process, and shared by all who wait. A miss, step by step:
 *
 * 1. A flight that is under way for the key is joined; else one is opened.
 * 2. `take` asks for leases (those of one tick in one command) and is told, key by key: own, busy, held off, or an entry
 *    that has come meanwhile. An entry that can be read brings its flight down; a store that does not answer in time has
 *    the value loaded past it.
 * 3. `proceed` loads what is its own, sends it to the store and answers (`landing.ts`), loads what is held off without
 *    storing it, and asks again past entries that are of no use.
 * 4. What is busy is waited for until the bus tells how it ended, and asked for again: a holder that died is succeeded,
 *    and nobody waits for longer than a dead holder's lease and his successor's load.
 */
export function createMisses(parts: MissParts): Misses {
  const { def, settings, store, tags, judge, reader, clock, bus, patience } = parts;
  const cache = def.name;
  const { fenced, unfenced, storeFailed } = createLanding(parts);
  const flights: Flights = new Map();
  const running = new Set<Promise<void>>();
  const spots = createSpots(cache, clock, bus);

  const isReadable = async (bytes: Buffer): Promise<boolean> => {
    try {
      await reader.fromEntry(bytes);
      return true;
    } catch {
      return false; // counted when a reader met it
    }
  };

  const begin = createBegin(cache, store, bus !== undefined);
  const askedAt = (want: Want): number => want.askedAt ?? clock.elapsed();

  /** Takes leases; lands what is there already, and loads past a store that fails. */
  const take = async ({ wants, flights }: Lot) => {
    const [own, busy, held, again] = [emptyLot(), emptyLot(), emptyLot(), emptyLot()];
    let seq = 0;
    for (const want of wants) want.heard = want.spot?.heard ?? 0;
    const keys = wants.map(({ key }) => key);
    const past = wants.some((want) => want.past) ? wants.map((want) => want.past) : undefined;
    const loads = Math.ceil(wants.length / settings.batch);
    const { token, begun: beginning } = begin(
      keys,
      past,
      leaseMs(settings.timeoutMs, Math.min(mostLoads, loads)),
    );
    try {
      const asking = (async () => {
        const [now, begun] = await Promise.all([settings.isTagged ? tags.seq() : 0, beginning]);
        // Most often there is nothing to judge.
        if (begun.every(isWord)) return { now, begun, judged: none };
        return {
          now,
          begun,
          judged: await judge.many(begun.map((each) => (isWord(each) ? undefined : each))),
        };
      })();
      const { now, begun, judged } = await patience(asking, Math.min(...wants.map(askedAt)));
      seq = now;
      const readable =
        judged === none
          ? none
          : await Promise.all(
              begun.map((each, i) => !isWord(each) && judged[i] === 'alive' && isReadable(each)),
            );
      begun.forEach((each, i) => {
        const [want, flight] = [wants[i]!, flights[i]!];
        if (!isWord(each) && readable[i]) {
          flight.land(formOf(each));
          flight.end(true);
        } else {
          const lot = each === 'own' ? own : each === 'busy' ? busy : each === 'held' ? held : again;
          if (!isWord(each)) want.past = pastOf(each);
          lot.wants.push(want);
          lot.flights.push(flight);
        }
      });
    } catch (error) {
      if (!isStoreError(error)) throw error;
      storeFailed(error);
      // What was not answered in time may still be done: leases taken then are given back behind it.
      void store.abort(cache, keys, token).catch(storeFailed);
      await unfenced({ wants, flights }, error.code === 'E_STORE_UNAVAILABLE' ? 'away' : 'store');
    }
    return { own, busy, held, again, token, seq };
  };

  /** Brings every flight down: by what is there, by loading it, or by waiting for whoever does. */
  const proceed = async (lot: Lot, round = 1): Promise<void> => {
    const { own, busy, held, again, token, seq } = await take(lot);
    await Promise.all([
      own.wants.length > 0 ? fenced(own, token, seq, { reason: 'miss' }) : undefined,
      held.wants.length > 0 ? unfenced(held, 'held-off') : undefined,
      again.wants.length === 0
        ? undefined
        : round < mostRounds
          ? proceed(again, round + 1)
          : unfenced(again, 'waited'),
      ...busy.wants.map((want, i) => waitFor(want, busy.flights[i]!)),
    ]);
  };

  /** Somebody else loads the key: waits until it is told, a bounded time, then loads without storing. */
  const waitFor = async (want: Waiter, flight: Flight): Promise<void> => {
    bus?.open();
    // As long as the lease of a holder that died, and a load of its successor.
    want.until ??= clock.elapsed() + leaseMs(settings.timeoutMs, 2) + 2 * safetyMs;
    await spots.sleep(want.spot, want.heard, bus?.isUp ? safetyMs : want.pauseMs);
    want.pauseMs = Math.min(longestPauseMs, want.pauseMs * 1.5);
    const isOver = clock.elapsed() >= want.until;
    if (isOver || (want.spot !== undefined && want.spot.deleted - want.deleted >= mostOvertakes))
      return unfenced({ wants: [want], flights: [flight] }, 'waited');
    want.askedAt = clock.elapsed();
    return proceed({ wants: [want], flights: [flight] });
  };

  const run = async (group: Group, isStoreAway: boolean): Promise<void> => {
    const wants = group.wants.map((want): Waiter => {
      const spot = isStoreAway ? undefined : spots.enter(want.key);
      const deleted = spot?.deleted ?? 0;
      const { key, id, past, askedAt } = want;
      return { key, id, past, askedAt, spot, heard: 0, deleted, pauseMs: firstPauseMs, until: undefined };
    });
    try {
      if (isStoreAway) return await unfenced(group, 'away');
      await proceed({ wants, flights: [...group.flights] });
    } catch (error) {
      for (const flight of group.flights) {
        flight.fail(error);
        flight.end(false);
      }
    } finally {
      for (const { key, spot } of wants) if (spot !== undefined) spots.leave(key);
    }
  };

  const start = (wants: readonly Want[], isStoreAway: boolean): readonly Flight[] => {
    if (wants.length === 0) return [];
    const group = { wants, flights: wants.map(({ key }) => openFlight(flights, key)) };
    const task = run(group, isStoreAway).finally(() => running.delete(task));
    running.add(task);
    return group.flights;
  };

  /** A flight that began before this question: its value will do unless something was invalidated meanwhile. */
  const join = async (flight: Flight, want: Want, isStoreAway: boolean): Promise<Form | undefined> => {
    const form = await flight.loaded;
    if (await flight.ended) return form;
    return (flights.get(want.key) ?? start([want], isStoreAway)[0]!).loaded;
  };

  return {
    read(wants, { isStoreAway }) {
      const loops = wants.map(({ key }) => loopOf(cache, key));
      const joined = wants.map(({ key }) => flights.get(key));
      const started = start(
        wants.filter((_, i) => joined[i] === undefined && loops[i] === undefined),
        isStoreAway,
      );
      let next = 0;
      return joined.map((flight, i) => {
        if (loops[i] !== undefined) return Promise.reject(loops[i]);
        return flight === undefined ? started[next++]!.loaded : join(flight, wants[i]!, isStoreAway);
      });
    },
    drop(keys) {
      for (const key of keys) flights.delete(key);
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** Enough of an entry to know it by. */
export const pastOf = (bytes: Buffer): Buffer => bytes.subarray(0, pastBytes);

export const isStoreError = (error: unknown): error is Error & { code: string } =>
  isSamovarError(error) && (error.code === 'E_STORE_UNAVAILABLE' || error.code === 'E_STORE_FULL');

import type { Bus } from '../bus/bus.ts';
import { leaseMs } from '../lease/lease.ts';
import { loopOf } from '../origin/within.ts';
import type { Form } from '../store/codec.ts';
import { isStoreError } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';
import { type Flight, type Flights, openFlight } from './flight.ts';
import type { Judge } from './judge.ts';
import { createLanding, type Group, type LandingParts, type Want } from './landing.ts';
import type { Patience } from './patience.ts';
import { createSpots, type Spot } from './spots.ts';
import { createTake, type Since, type Taken } from './take.ts';

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
  askedAt: number;
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

const sinceOf = ({ until, spot, heard }: Waiter): Since =>
  until === undefined ? 'start' : spot?.isWritten && spot.heard !== heard ? 'written' : 'wait';

/**
 * Loads what readers miss: under a lease, once per key and process, and shared by all who wait. A miss, step by step:
 *
 * 1. A flight that is under way for the key is joined; else one is opened.
 * 2. `take` asks for leases (those of one tick in one command) and is told, key by key: own, busy, held off, or an entry
 *    that has come meanwhile.
 * 3. An entry that can be read brings its flight down. What is own is loaded, sent to the store and answered
 *    (`landing.ts`), what is held off is loaded without being stored, past entries that are of no use one asks again, and
 *    where the store does not answer in time all is loaded past it.
 * 4. What is busy is waited for until the bus tells how it ended: it is read where it was written, else asked for again. A
 *    holder that died is succeeded, and nobody waits for longer than a dead holder's lease and his successor's load.
 */
export function createMisses(parts: MissParts): Misses {
  const { def, settings, clock, bus } = parts;
  const cache = def.name;
  const { fenced, unfenced, storeFailed } = createLanding(parts);
  const flights: Flights = new Map();
  const running = new Set<Promise<void>>();
  const spots = createSpots(cache, clock, bus);

  const take = createTake(parts, storeFailed);

  /** Brings every flight down: by what is there, by loading it, or by waiting for whoever does. */
  const proceed = async (lot: Lot, round = 1, since = sinceOf(lot.wants[0]!)): Promise<void> => {
    const tasks = await begin(lot, round, since);
    await (tasks.length === 1 ? tasks[0] : Promise.all(tasks));
  };

  // Apart from `proceed`, which would hold on to what was found while it waits for loads.
  const begin = async ({ wants, flights }: Lot, round: number, since: Since): Promise<Promise<void>[]> => {
    for (const want of wants) want.heard = want.spot?.heard ?? 0;
    const loads = Math.min(mostLoads, Math.ceil(wants.length / settings.batch));
    let taken: Taken;
    try {
      taken = await take(wants, leaseMs(settings.timeoutMs, loads), since);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      return [unfenced({ wants, flights }, error.code === 'E_STORE_UNAVAILABLE' ? 'away' : 'store')];
    }
    const lots: { own?: Lot; held?: Lot; absent?: Lot; again?: Lot } = {};
    const add = (which: keyof typeof lots, want: Waiter, flight: Flight): void => {
      lots[which] ??= { wants: [], flights: [] };
      lots[which].wants.push(want);
      lots[which].flights.push(flight);
    };
    const tasks: Promise<void>[] = [];
    flights.forEach((flight, i) => {
      const want = wants[i]!;
      const got = taken.got[i]!;
      if (got === 'busy') {
        tasks.push(waitFor(want, flight));
      } else if (typeof got === 'string') {
        add(got, want, flight);
      } else if (Buffer.isBuffer(got)) {
        want.past = pastOf(got);
        add('again', want, flight);
      } else {
        flight.land(got.form);
        // What was told meanwhile may be that it was deleted: it is not for those who came after that.
        flight.end(want.spot === undefined || want.spot.heard === want.heard);
      }
    });
    const { own, held, absent, again } = lots;
    if (own) tasks.push(fenced(own, taken.token, taken.seq, { reason: 'miss' }));
    if (held) tasks.push(unfenced(held, 'held-off'));
    if (absent) tasks.push(proceed(absent, round, 'wait'));
    if (again) tasks.push(round < mostRounds ? proceed(again, round + 1) : unfenced(again, 'waited'));
    return tasks;
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
      const { key, id, past, askedAt = clock.elapsed() } = want;
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
    // What it has waited for so far was a load.
    const anew = { ...want, askedAt: undefined };
    return (flights.get(want.key) ?? start([anew], isStoreAway)[0]!).loaded;
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

import { isSamovarError } from '../errors.ts';
import { leaseMs, newToken } from '../lease/lease.ts';
import { loopOf } from '../origin/within.ts';
import { decode } from '../store/codec.ts';
import { isNegative, textOf } from '../store/entry.ts';
import type { Tags } from '../tags/tags.ts';
import { type Flight, type Flights, openFlight } from './flight.ts';
import type { Judge } from './judge.ts';
import { createLanding, type Group, type LandingParts, type Want } from './landing.ts';

export interface MissParts extends LandingParts {
  readonly tags: Tags;
  readonly judge: Judge;
}

export interface Misses {
  /** The JSON of each want, loaded at most once in this process; undefined = the origin has none. */
  read(wants: readonly Want[], options: { readonly isStoreAway: boolean }): Promise<string | undefined>[];
  /** Later readers of these keys do not join what is under way. */
  drop(keys: readonly string[]): void;
  settled(): Promise<void>;
}

/** Entries that turn out to be of no use, one after the other, before a value is loaded past the store. */
const mostRounds = 3;
const pastBytes = 1_024;
/** Rounds of loads that one lease outlives. */
const mostLoads = 20;
const firstPauseMs = 5;
const longestPauseMs = 100;

/** Loads what readers miss: under a lease, once per key and process, and shared by all who wait. */
export function createMisses(parts: MissParts): Misses {
  const { def, settings, store, tags, judge, clock } = parts;
  const cache = def.name;
  const { fenced, unfenced, storeFailed } = createLanding(parts);
  const flights: Flights = new Map();
  const running = new Set<Promise<void>>();

  /** Takes leases and loads under them; answers with those whose lease somebody else holds. */
  const attempt = async (group: Group, round = 1): Promise<Group> => {
    const { wants, flights } = group;
    const busy: { wants: Want[]; flights: Flight[] } = { wants: [], flights: [] };
    const own: typeof busy = { wants: [], flights: [] };
    const again: typeof busy = { wants: [], flights: [] };
    const token = newToken();
    let seq = 0;
    try {
      const keys = wants.map(({ key }) => key);
      const past = wants.some((want) => want.past) ? wants.map((want) => want.past) : undefined;
      const loads = Math.ceil(wants.length / settings.batch);
      const lease = { token, ms: leaseMs(settings.timeoutMs, Math.min(mostLoads, loads)) };
      const [now, begun] = await Promise.all([
        settings.isTagged ? tags.seq() : 0,
        store.begin(cache, keys, lease, { want: 'value', ...(past ? { past } : {}) }),
      ]);
      seq = now;
      const judged = await judge.many(begun.map((each) => (typeof each === 'string' ? undefined : each)));
      begun.forEach((each, i) => {
        const [want, flight] = [wants[i]!, flights[i]!];
        if (typeof each !== 'string' && judged[i] === 'alive' && isReadable(each)) {
          flight.land(isNegative(each) ? undefined : textOf(each));
          flight.end(true);
        } else {
          const list = each === 'own' ? own : each === 'busy' ? busy : again;
          list.wants.push(typeof each === 'string' ? want : { ...want, past: pastOf(each) });
          list.flights.push(flight);
        }
      });
    } catch (error) {
      if (!isStoreError(error)) throw error;
      storeFailed(error);
      // What was not answered in time may still be done: leases taken then are given back behind it.
      void store
        .abort(
          cache,
          wants.map(({ key }) => key),
          token,
        )
        .catch(storeFailed);
      await unfenced(group, error.code === 'E_STORE_UNAVAILABLE');
      return { wants: [], flights: [] };
    }
    const [, more] = await Promise.all([
      own.wants.length > 0 ? fenced(own, token, seq) : undefined,
      again.wants.length === 0
        ? undefined
        : round < mostRounds
          ? attempt(again, round + 1)
          : unfenced(again, false),
    ]);
    return more
      ? { wants: [...busy.wants, ...more.wants], flights: [...busy.flights, ...more.flights] }
      : busy;
  };

  /** Somebody else loads the key: waits for the entry a bounded time, then loads without storing. */
  const waitFor = async (group: Group): Promise<void> => {
    const until = clock.elapsed() + leaseMs(settings.timeoutMs);
    let pauseMs = firstPauseMs;
    while (clock.elapsed() < until) {
      await clock.sleep(pauseMs);
      pauseMs = Math.min(longestPauseMs, pauseMs * 1.5);
      const { wants } = await attempt(group);
      if (wants.length === 0) return;
    }
    await unfenced(group, false);
  };

  const run = async (group: Group, isStoreAway: boolean): Promise<void> => {
    try {
      if (isStoreAway) return await unfenced(group, true);
      const busy = await attempt(group);
      await Promise.all(busy.wants.map((want, i) => waitFor({ wants: [want], flights: [busy.flights[i]!] })));
    } catch (error) {
      for (const flight of group.flights) {
        flight.fail(error);
        flight.end(false);
      }
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
  const join = async (flight: Flight, want: Want, isStoreAway: boolean): Promise<string | undefined> => {
    const text = await flight.loaded;
    if (await flight.ended) return text;
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

const isStoreError = (error: unknown): error is Error & { code: string } =>
  isSamovarError(error) && (error.code === 'E_STORE_UNAVAILABLE' || error.code === 'E_STORE_FULL');

function isReadable(bytes: Buffer): boolean {
  try {
    if (!isNegative(bytes)) decode(textOf(bytes));
    return true;
  } catch {
    return false; // counted when a reader met it
  }
}

import { nextTurn } from '../clock.ts';
import { leaseMs, newToken } from '../lease/lease.ts';
import type { Form } from '../store/codec.ts';
import { headPartOf } from '../store/entry.ts';
import { isStoreError } from '../store/store.ts';
import { type Flight, type Flights, openFlight } from './flight.ts';
import { createLanding, type Group, type Want } from './landing.ts';
import type { MissParts } from './miss.ts';

/** Loads of what readers have a usable value of: one in the whole cluster for a key, and nobody has to wait for it. */
export interface Refresher {
  /**
   * Begins a refresh, or joins the one of this process. Undefined while there is no use in it: a load failed a moment
   * ago, or another process is at it. What is begun in one turn of the event loop is loaded together.
   */
  begin(want: Want): Flight | undefined;
  /** Later readers of these keys do not join what is under way. */
  drop(keys: readonly string[]): void;
  settled(): Promise<void>;
}

/** Until one asks again whether another process has done with a key. */
const elsewhereMs = 250;
const mostRests = 10_000;

export function createRefresher(parts: MissParts): Refresher {
  const { def, settings, store, tags, clock } = parts;
  const cache = def.name;
  const { fenced, storeFailed } = createLanding(parts);
  const flights: Flights = new Map();
  const running = new Set<Promise<void>>();
  /** By key: when it may be tried again. */
  const rests = new Map<string, number>();
  let gathered: { wants: Want[]; flights: Flight[] } | undefined;

  const rest = (key: string, ms: number): void => {
    if (rests.size >= mostRests) for (const old of rests.keys()) if (rests.delete(old)) break;
    rests.set(key, clock.elapsed() + ms);
  };

  const isResting = (key: string): boolean => {
    const until = rests.get(key);
    if (until === undefined) return false;
    if (until > clock.elapsed()) return true;
    rests.delete(key);
    return false;
  };

  const leave = ({ key, fail, end }: Flight, error: unknown, ms: number): void => {
    rest(key, ms);
    fail(error);
    end(false);
  };

  const refresh = async (group: Group): Promise<void> => {
    const token = newToken();
    const keys = group.wants.map(({ key }) => key);
    const own: { wants: Want[]; flights: Flight[] } = { wants: [], flights: [] };
    try {
      const loads = Math.ceil(keys.length / settings.batch);
      const lease = { token, ms: leaseMs(settings.timeoutMs, loads) };
      const past = group.wants.map((want) => want.past && headPartOf(want.past));
      const [seq, begun] = await Promise.all([
        settings.isTagged ? tags.seq() : 0,
        store.begin(cache, keys, lease, { want: 'refresh', past }),
      ]);
      begun.forEach((each, i) => {
        if (each === 'own') {
          own.wants.push(group.wants[i]!);
          own.flights.push(group.flights[i]!);
        } else leave(group.flights[i]!, each, elsewhereMs);
      });
      if (own.wants.length === 0) return;
      for (const { key, loaded } of own.flights) loaded.catch(() => rest(key, settings.backoffMs));
      await fenced(own, token, seq, { reason: 'refresh', restMs: settings.backoffMs });
    } catch (error) {
      if (isStoreError(error)) {
        storeFailed(error);
        void store.abort(cache, keys, token).catch(storeFailed);
      }
      for (const flight of group.flights) leave(flight, error, elsewhereMs);
    }
  };

  const flush = (): void => {
    const group = gathered!;
    gathered = undefined;
    const task = refresh(group).finally(() => running.delete(task));
    running.add(task);
  };

  return {
    begin(want) {
      const known = flights.get(want.key);
      if (known !== undefined) return known;
      if (isResting(want.key)) return undefined;
      const flight = openFlight(flights, want.key);
      if (gathered === undefined) {
        gathered = { wants: [], flights: [] };
        const turn = nextTurn().then(() => {
          running.delete(turn);
          flush();
        });
        running.add(turn);
      }
      gathered.wants.push(want);
      gathered.flights.push(flight);
      return flight;
    },
    drop(keys) {
      for (const key of keys) {
        flights.delete(key);
        rests.delete(key);
      }
    },
    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** What these flights bring within `ms`, by key; what fails or takes longer is left out. */
export async function broughtWithin(
  flights: readonly Flight[],
  sleep: (signal: AbortSignal) => Promise<void>,
): Promise<Map<string, Form | undefined>> {
  const found = new Map<string, Form | undefined>();
  const over = new AbortController();
  const all = flights.map(({ key, loaded }) =>
    loaded.then(
      (form) => void found.set(key, form),
      () => {}, // the stale value serves
    ),
  );
  await Promise.race([Promise.all(all), sleep(over.signal)]);
  over.abort();
  return new Map(found);
}

import type { Clock } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import { messageOf } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { Bound } from '../origin/bound.ts';
import type { Loader } from '../origin/load.ts';
import type { Recorder } from '../rooms.ts';
import type { Draft, Store } from '../store/store.ts';
import { prepare } from './draft.ts';
import type { Flight } from './flight.ts';
import type { CacheSettings } from './options.ts';

/** A key that a reader found no usable entry for. */
export interface Want {
  readonly key: string;
  readonly id: unknown;
  /** The entry that was there and is of no use. */
  readonly past?: Buffer | undefined;
}

export interface LandingParts {
  readonly def: AnyCacheDef;
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly load: Loader;
  /** Loads without a lease, while the store is away. */
  readonly bound: Bound;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly recorder: Recorder;
}

/** Wants and the flights that bring them, side by side. */
export interface Group {
  readonly wants: readonly Want[];
  readonly flights: readonly Flight[];
}

export interface Landing {
  /** Loads under a lease that is held, answers at once, then writes. */
  fenced(group: Group, token: string, seq: number): Promise<void>;
  /** What is loaded without a lease serves those who wait for it, and is not stored. */
  unfenced(group: Group, isStoreAway: boolean): Promise<void>;
  storeFailed(error: unknown): void;
}

/** Loads what flights are to bring, and lands them. */
export function createLanding(parts: LandingParts): Landing {
  const { def, settings, store, load, bound, clock, events, recorder } = parts;
  const cache = def.name;

  const refused = (why: 'lost' | 'too-big' | 'encode' | 'store') =>
    events.emit('entry:refused', { cache, why });

  const unfenced = async ({ wants, flights }: Group, isAway: boolean): Promise<void> => {
    const task = () =>
      load({ ids: wants.map(({ id }) => id), keys: wants.map(({ key }) => key), reason: 'miss' });
    const result = await (isAway ? bound(task) : task());
    flights.forEach((flight, i) => {
      const { key, id } = wants[i]!;
      const error = result.errors.get(i);
      try {
        if (error) throw error;
        flight.land(prepare(def, settings, { key, id, value: result.values[i], row: 0 }).draft.text);
        refused('store');
      } catch (unfit) {
        if (!error) refused('encode');
        flight.fail(unfit);
      }
    });
    for (const flight of flights) flight.end(false);
  };

  const fenced = async ({ wants, flights }: Group, token: string, seq: number): Promise<void> => {
    const result = await load({
      ids: wants.map(({ id }) => id),
      keys: wants.map(({ key }) => key),
      reason: 'miss',
    });
    const loadMs = result.ms / wants.length;
    const drafts: Draft[] = [];
    const written: Flight[] = [];
    const unwritten: Flight[] = [];
    flights.forEach((flight, i) => {
      const { key, id } = wants[i]!;
      const error = result.errors.get(i);
      try {
        if (error) throw error;
        const { draft, tags, isTooBig } = prepare(def, settings, {
          key,
          id,
          value: result.values[i],
          row: 0,
        });
        flight.land(draft.text);
        if (draft.text !== undefined) recorder.fill({ cache, key, loadMs, bytes: draft.bytes, tags });
        if (isTooBig) refused('too-big');
        const isStored = draft.text === undefined ? settings.negativeMs > 0 : !isTooBig;
        if (isStored) drafts.push(draft);
        (isStored ? written : unwritten).push(flight);
      } catch (unfit) {
        if (!error) refused('encode');
        flight.fail(unfit);
        unwritten.push(flight);
      }
    });
    await Promise.all([write(drafts, written, { token, seq, loadMs }), giveBack(unwritten, token)]);
  };

  const write = async (
    drafts: readonly Draft[],
    written: readonly Flight[],
    { token, seq, loadMs }: { token: string; seq: number; loadMs: number },
  ): Promise<void> => {
    if (drafts.length === 0) return;
    const { isTagged } = settings;
    const filledAt = clock.now();
    const open = new Set(written);
    try {
      await store.commit({ cache, token, isTagged, filledBy: 'r', filledAt, seq, plan: 0, loadMs }, drafts, {
        heard(i, result) {
          if (result === 'lost') refused('lost');
          open.delete(written[i]!);
          written[i]!.end(result === 'written');
        },
      });
    } catch (error) {
      storeFailed(error);
    }
    for (const flight of open) {
      refused('store');
      flight.end(false);
    }
  };

  const giveBack = async (unwritten: readonly Flight[], token: string): Promise<void> => {
    if (unwritten.length === 0) return;
    try {
      const held = await store.abort(
        cache,
        unwritten.map(({ key }) => key),
        token,
      );
      // Tags are looked at when something is written only.
      unwritten.forEach((flight, i) => {
        flight.end(held[i]! && !settings.isTagged);
      });
    } catch (error) {
      storeFailed(error);
      for (const flight of unwritten) flight.end(false);
    }
  };

  const storeFailed = (error: unknown) =>
    events.emit('store:failed', { role: 'cache', message: messageOf(error) });

  return { fenced, unfenced, storeFailed };
}

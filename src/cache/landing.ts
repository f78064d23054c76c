import type { Clock } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import { messageOf, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { Bound } from '../origin/bound.ts';
import type { Loader, LoadResult } from '../origin/load.ts';
import type { Recorder } from '../rooms.ts';
import type { Draft, Store } from '../store/store.ts';
import { createCommit } from './commit.ts';
import { prepare, squeezed } from './draft.ts';
import type { Flight } from './flight.ts';
import type { Reader } from './form.ts';
import type { CacheSettings } from './options.ts';
import type { Rates } from './rates.ts';

/** A key that a reader found no usable entry for. */
export interface Want {
  readonly key: string;
  readonly id: unknown;
  /** The entry that was there and is of no use. */
  readonly past?: Buffer | undefined;
  /** The clock's `elapsed` when the store was first asked for it. @default when its lease is asked for */
  readonly askedAt?: number | undefined;
}

export interface LandingParts {
  readonly def: AnyCacheDef;
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly load: Loader;
  readonly reader: Reader;
  /** Loads without a lease, while the store is away. */
  readonly bound: Bound;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly recorder: Recorder;
  /** Only where the ttl asks for it. */
  readonly rates: Rates | undefined;
  /** Whether one more missing id may be remembered. */
  readonly mayForget: (ttlMs: number) => boolean;
  /** What one load of this process takes, as the last ones did. */
  readonly pulse: { loadMs: number };
}

/** Wants and the flights that bring them, side by side. */
export interface Group {
  readonly wants: readonly Want[];
  readonly flights: readonly Flight[];
}

/** Why a load happens, and what its failure leads to. */
export interface Purpose {
  readonly reason: 'miss' | 'refresh';
  /** Keys whose load failed are left alone so long. */
  readonly restMs?: number;
}

export interface Landing {
  /**
   * Loads under a lease that is held, sends what is to be stored, and answers without waiting for the store: those who
   * wait in other processes have it while this one answers its own, which may be many. What may be deflated first is
   * answered before it is sent.
   */
  fenced(group: Group, token: string, seq: number, purpose: Purpose): Promise<void>;
  /** What is loaded without a lease serves those who wait for it, and is not stored; `away`: with some others at once only. */
  unfenced(group: Group, why: 'away' | 'store' | 'waited' | 'held-off'): Promise<void>;
  storeFailed(error: unknown): void;
}

/** Of the last load's time in what is known of all. */
const newestShare = 0.2;

/** Loads what flights are to bring, and lands them. */
export function createLanding(parts: LandingParts): Landing {
  const { def, settings, store, bound, clock, events, recorder, rates, mayForget, pulse } = parts;
  const cache = def.name;
  const commit = createCommit(store, clock);

  const refused = (why: 'lost' | 'too-big' | 'encode' | 'store' | 'waited' | 'held-off' | 'negative-max') =>
    events.emit('entry:refused', { cache, why });

  const load = async ({ wants }: Group, reason: Purpose['reason']): Promise<LoadResult> => {
    const result = await parts.load({
      ids: wants.map(({ id }) => id),
      keys: wants.map(({ key }) => key),
      reason,
    });
    if (result.errors.size < wants.length)
      pulse.loadMs = pulse.loadMs === 0 ? result.ms : pulse.loadMs + newestShare * (result.ms - pulse.loadMs);
    return def.schema === undefined ? result : { ...result, errors: await misfits(parts, result) };
  };

  const preparedAt = (wants: readonly Want[], result: LoadResult, i: number) => {
    const { key, id } = wants[i]!;
    const loaded = { key, id, value: result.values[i], row: 0 };
    return prepare(def, settings, rates ? { ...loaded, readsPerMinute: () => rates.of(key) } : loaded);
  };

  const unfenced: Landing['unfenced'] = async (group, why) => {
    const { wants, flights } = group;
    const task = () => load(group, 'miss');
    const result = await (why === 'away' ? bound(task) : task());
    flights.forEach((flight, i) => {
      const error = result.errors.get(i);
      try {
        if (error) throw error;
        flight.land(formIn(preparedAt(wants, result, i).draft));
        refused(why === 'away' ? 'store' : why);
      } catch (unfit) {
        if (!error) refused('encode');
        flight.fail(unfit);
      }
    });
    for (const flight of flights) flight.end(false);
  };

  const fenced: Landing['fenced'] = async (group, token, seq, { reason, restMs }) => {
    const { wants, flights } = group;
    const result = await load(group, reason);
    const loadMs = result.ms / wants.length;
    const drafts: Draft[] = [];
    const written: Flight[] = [];
    const unwritten: Flight[] = [];
    const failed: Flight[] = [];
    const outdated: Flight[] = [];
    const answers: (() => void)[] = [];
    flights.forEach((flight, i) => {
      const error = result.errors.get(i);
      try {
        if (error) throw error;
        const { draft, tags, isTooBig, isFleeting } = preparedAt(wants, result, i);
        answers.push(() => flight.land(formIn(draft)));
        // It holds for those who had asked before it came, and for nobody after.
        if (isFleeting) flight.end(false);
        const isMissing = draft.body === undefined;
        if (!isMissing) recorder.fill({ cache, key: flight.key, loadMs, bytes: draft.bytes, tags });
        if (isTooBig) refused('too-big');
        const isRemembered = isMissing && settings.negativeMs > 0 && mayForget(draft.ttlMs);
        if (isMissing && settings.negativeMs > 0 && !isRemembered) refused('negative-max');
        if (isMissing ? isRemembered : !isTooBig && !isFleeting) {
          drafts.push(draft);
          written.push(flight);
        } else {
          // What is stored must not go on being served: it is not what the origin says now.
          (wants[i]!.past ? outdated : unwritten).push(flight);
        }
      } catch (unfit) {
        if (!error) refused('encode');
        flight.fail(unfit);
        failed.push(flight);
      }
    });
    const answer = (): void => {
      for (const each of answers) each();
    };
    const how = { token, seq, loadMs, filledBy: reason === 'miss' ? 'r' : 'f' } as const;
    const tasks = [write(drafts, written, wants.length, how, answer)];
    if (unwritten.length > 0) tasks.push(giveBack(unwritten, token));
    if (failed.length > 0) tasks.push(giveBack(failed, token, restMs));
    if (outdated.length > 0) tasks.push(remove(outdated));
    await (tasks.length === 1 ? tasks[0] : Promise.all(tasks));
  };

  const write = async (
    drafts: readonly Draft[],
    written: readonly Flight[],
    loaded: number,
    how: { token: string; seq: number; loadMs: number; filledBy: 'r' | 'f' },
    sent: () => void,
  ): Promise<void> => {
    if (drafts.length === 0) return sent();
    const { isTagged } = settings;
    const filledAt = clock.now();
    const open = new Set(written);
    try {
      const batch = { cache, isTagged, filledAt, plan: 0, ...how };
      const heard = (i: number, result: 'written' | 'lost'): void => {
        if (result === 'lost') refused('lost');
        open.delete(written[i]!);
        written[i]!.end(result === 'written');
      };
      const forms = squeezed(drafts, settings);
      const isLater = forms instanceof Promise;
      if (isLater) sent();
      await commit(batch, loaded, isLater ? await forms : forms, { heard, sent: isLater ? () => {} : sent });
    } catch (error) {
      storeFailed(error);
    }
    for (const flight of open) {
      refused('store');
      flight.end(false);
    }
  };

  const giveBack = async (unwritten: readonly Flight[], token: string, restMs?: number): Promise<void> => {
    try {
      const held = await store.abort(
        cache,
        unwritten.map(({ key }) => key),
        token,
        restMs,
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

  const remove = async (outdated: readonly Flight[]): Promise<void> => {
    try {
      await store.delete(
        cache,
        outdated.map(({ key }) => key),
      );
    } catch (error) {
      storeFailed(error);
    }
    for (const flight of outdated) flight.end(false);
  };

  const storeFailed = (error: unknown) =>
    events.emit('store:failed', { role: 'cache', message: messageOf(error) });

  return { fenced, unfenced, storeFailed };
}

const formIn = ({ body, flags }: Draft) => (body === undefined ? undefined : { body, flags });

/** The errors of a load, and those of values that do not fit their schema. */
export async function misfits(
  { def, reader }: Pick<LandingParts, 'def' | 'reader'>,
  { values, errors }: Pick<LoadResult, 'values' | 'errors'>,
): Promise<Map<number, SamovarError>> {
  const all = new Map(errors);
  await Promise.all(
    values.map(async (value, i) => {
      if (value === undefined || all.has(i)) return;
      const why = await reader.misfit(value);
      if (why !== undefined)
        all.set(
          i,
          new SamovarError('E_LOAD_SHAPE', `a value of caches.${def.name} does not fit its schema: ${why}`, {
            hints: ['load values of that shape, or change `schema`'],
          }),
        );
    }),
  );
  return all;
}

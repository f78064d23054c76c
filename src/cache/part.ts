import type { Clock } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import { isSamovarError, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import { leaseMs, newToken } from '../lease/lease.ts';
import type { Budget, Grant, LoadReport } from '../origin/budget.ts';
import type { Loader, LoadResult } from '../origin/load.ts';
import type { Pacers } from '../origin/pacer.ts';
import type { RowResult } from '../rooms.ts';
import { isNegative } from '../store/entry.ts';
import { type Begun, type Draft, type Store, storeFull } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';
import { prepare, squeezed, tooBig } from './draft.ts';
import type { Reader } from './form.ts';
import type { Judge } from './judge.ts';
import { misfits } from './landing.ts';
import { pastOf } from './miss.ts';
import type { CacheSettings } from './options.ts';
import type { Rates } from './rates.ts';
import { createRenewal } from './renew.ts';
import { end, fail, keysAt, type Work } from './work.ts';

export interface PartParts {
  readonly def: AnyCacheDef;
  readonly settings: CacheSettings;
  readonly store: Store;
  readonly tags: Tags;
  readonly judge: Judge;
  readonly load: Loader;
  readonly reader: Reader;
  readonly rates: Rates | undefined;
  readonly budget: Budget;
  readonly pacers: Pacers;
  readonly clock: Clock;
  readonly events: Emitter;
}

/** Positions, and beside each the beginning of an entry that is of no use. */
interface Unfresh {
  readonly at: readonly number[];
  readonly past: readonly (Buffer | undefined)[];
}

export interface PartFiller {
  /** Settles what is fresh, or known to be missing; answers with the rest. */
  skipFresh(work: Work, at: readonly number[], found: readonly (Buffer | undefined)[]): Promise<Unfresh>;
  /** Takes leases, loads and writes what one grant allows. */
  fill(work: Work, at: readonly number[], grant: Grant): Promise<void>;
}

/** What Redis needs for a byte of a value, its key and its own bookkeeping included, when values are small. */
const storedPerByte = 1.3;

export const unused: LoadReport = { outcome: 'unused', ms: 0, ids: 0 };

/** The inner steps of a fill: lease, load, write, for some keys at a time. */
export function createPartFiller(parts: PartParts): PartFiller {
  const { def, settings, store, tags, judge, load, budget, pacers, rates, clock, events } = parts;
  const cache = def.name;
  const renewal = createRenewal(parts);

  const skipFresh: PartFiller['skipFresh'] = async (work, at, found) => {
    const judged = await judge.many(found);
    const rest: number[] = [];
    const past: (Buffer | undefined)[] = [];
    at.forEach((position, i) => {
      const bytes = found[i];
      if (bytes !== undefined && judged[i] === 'alive') {
        work.results[position] = isNegative(bytes) ? 'missing' : 'fresh';
      } else {
        rest.push(position);
        past.push(bytes && pastOf(bytes));
      }
    });
    return { at: rest, past };
  };

  /** Takes leases; answers where they were got. */
  const take = async (work: Work, at: readonly number[], token: string): Promise<number[]> => {
    const lease = { token, ms: leaseMs(settings.timeoutMs, 2) };
    if (work.request.renews) return renewal.take(work, at, lease);
    const own: number[] = [];
    const sort = (begun: readonly Begun[], at: readonly number[]) => {
      const there: { at: number[]; bytes: Buffer[] } = { at: [], bytes: [] };
      begun.forEach((each, i) => {
        if (each === 'own') own.push(at[i]!);
        else if (each === 'busy' || each === 'held') {
          work.results[at[i]!] = 'busy';
          if (each === 'held') work.heldOff += 1;
        } else {
          there.at.push(at[i]!);
          there.bytes.push(each);
        }
      });
      return there;
    };
    const want = work.request.force ? 'none' : 'head';
    const there = sort(await store.begin(cache, keysAt(work, at), lease, { want }), at);
    if (there.at.length === 0) return own;
    const { at: rest, past } = await skipFresh(work, there.at, there.bytes);
    if (rest.length === 0) return own;
    const again = sort(await store.begin(cache, keysAt(work, rest), lease, { want, past }), rest);
    // Written between the two looks, by somebody who held the lease.
    for (const position of again.at) work.results[position] = 'busy';
    return own;
  };

  const write = async (
    work: Work,
    at: readonly number[],
    { values, errors, ms }: LoadResult,
    { token, seq }: { token: string; seq: number },
  ): Promise<void> => {
    const { request, results } = work;
    const drafts: Draft[] = [];
    const written: { position: number; tags: readonly string[] }[] = [];
    const unwritten: number[] = [];
    const gone: string[] = [];
    at.forEach((position, i) => {
      const key = request.keys[position]!;
      try {
        const error = errors.get(i);
        if (error) throw error;
        const row = request.rows?.[position] ?? 0;
        const entry = { key, id: work.ids[position], value: values[i], row };
        const { draft, tags, isTooBig, isFleeting } = prepare(
          def,
          settings,
          rates ? { ...entry, readsPerMinute: () => rates.of(key) } : entry,
        );
        if (isTooBig) throw tooBig(def, settings, draft.bytes);
        work.promisedBytes += draft.bytes * storedPerByte;
        if (work.promisedBytes > (request.roomBytes ?? Number.POSITIVE_INFINITY)) {
          results[position] = 'budget';
          unwritten.push(position);
          end(work, new SamovarError('E_STORE_FULL', 'the mark of memory is reached'));
          return;
        }
        if (isFleeting || (draft.body === undefined && settings.negativeMs === 0)) {
          results[position] = 'missing';
          gone.push(key);
        } else {
          drafts.push(draft);
          written.push({ position, tags });
        }
      } catch (error) {
        fail(work, position, error);
        unwritten.push(position);
      }
    });
    const loadMs = ms / at.length;
    const filledBy = request.reason === 'warm' ? 'w' : 'f';
    const { isTagged } = settings;
    const { plan = 0 } = request;
    const batch = { cache, token, isTagged, filledBy, filledAt: clock.now(), seq, plan, loadMs } as const;
    const pace = budget.isUnlimited(def.origin) ? pacers.wide : pacers.narrow;
    const forms = await squeezed(drafts, settings);
    const ready = request.renews
      ? forms.map((draft, i) => renewal.adapted(work, written[i]!.position, draft))
      : forms;
    const done = await store.commit(batch, ready, { pace });
    done.forEach((result, i) => {
      const { key, body, bytes } = drafts[i]!;
      const { position, tags } = written[i]!;
      if (result === 'written' && body !== undefined) {
        work.bytes += bytes;
        work.fills.push({ cache, key, loadMs, bytes, tags });
      }
      if (result === 'lost') events.emit('entry:refused', { cache, why: 'lost' });
      if (result === 'full') end(work, storeFull());
      results[position] = rowResult(result, body === undefined);
    });
    // An older value of theirs may still be there.
    if (gone.length > 0) await store.delete(cache, gone);
    if (unwritten.length > 0) await store.abort(cache, keysAt(work, unwritten), token);
  };

  return {
    skipFresh,

    async fill(work, at, grant) {
      const token = newToken();
      let told: Promise<void> | undefined;
      try {
        // The clock is read before anything is loaded: what is invalidated from now on is newer than the load.
        const [seq, own] = await Promise.all([settings.isTagged ? tags.seq() : 0, take(work, at, token)]);
        if (own.length === 0) return;
        const { reason, signal } = work.request;
        if (!(await grant.start())) {
          // Not handed on either: those who come after it have their own moments.
          told = grant.done({ ...unused, ids: grant.ids });
          await store.abort(cache, keysAt(work, own), token);
          // Only now: who takes them before their leases are back finds them busy.
          work.open.unshift(...own);
          return;
        }
        const rest = work.request.renews ? await renewal.keepCurrent(work, own, token) : own;
        if (rest.length === 0) return;
        const ids = rest.map((position) => work.ids[position]);
        const loaded = await load({ ids, keys: keysAt(work, rest), reason, signal });
        const result =
          def.schema === undefined ? loaded : { ...loaded, errors: await misfits(parts, loaded) };
        work.loadMs += result.ms;
        told = grant.done(loadReport(result, rest.length));
        if (result.isAborted) await store.abort(cache, keysAt(work, rest), token);
        else await write(work, rest, result, { token, seq });
      } catch (error) {
        if (!isSamovarError(error)) throw error;
        end(work, error);
        if (error.code === 'E_STORE_FULL')
          for (const position of at)
            if (work.results[position] === 'planned') work.results[position] = 'budget';
        // Leases taken by a command that was not answered in time are given back behind it; that one may fail, too.
        void store.abort(cache, keysAt(work, at), token).catch(() => {});
      } finally {
        await (told ?? grant.done(unused));
      }
    },
  };
}

const rowResult = (result: 'written' | 'lost' | 'full', isMissing: boolean): RowResult =>
  result === 'full' ? 'budget' : result === 'written' && isMissing ? 'missing' : result;

function loadReport({ errors, asked, ms, left }: LoadResult, ids: number): LoadReport {
  if (errors.size === 0) return { outcome: 'ok', ms, ids: asked, left };
  const isIll = errors.size === ids && [...errors.values()].every(({ code }) => code !== 'E_LOAD_SHAPE');
  return { outcome: isIll ? 'failed' : 'unused', ms, ids: asked, left };
}

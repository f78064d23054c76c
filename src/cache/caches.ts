import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { defaults } from '../defaults.ts';
import type { AnyCacheDef, CacheDef } from '../define.ts';
import type { Dirty, DirtyForm } from '../dirty/dirty.ts';
import type { Target } from '../dirty/target.ts';
import { nearest, SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { CacheClient } from '../facade.ts';
import { type Bound, createBound } from '../origin/bound.ts';
import type { Budget } from '../origin/budget.ts';
import { createLoader } from '../origin/load.ts';
import { createPacers } from '../origin/pacer.ts';
import type {
  FillReport,
  FillRequest,
  InvalidateResult,
  Invalidation,
  Look,
  Reads,
  Recorder,
  Writes,
} from '../rooms.ts';
import { headOf } from '../store/entry.ts';
import type { Store } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';
import { behindSettingsOf } from './behind-settings.ts';
import { type Cache, createCache } from './cache.ts';
import { type Counts, newCounts } from './counts.ts';
import { withDirty } from './dirty-load.ts';
import { createFill } from './fill.ts';
import { createReader, type Reader } from './form.ts';
import { guarded, type Life } from './guard.ts';
import { createJudge, type Judge } from './judge.ts';
import { createMemory, type Memory, memorySettingsOf } from './memory.ts';
import { createNegatives } from './negatives.ts';
import { settingsOf } from './options.ts';
import { createOriginWrite } from './origin-write.ts';
import { createPast } from './past.ts';
import { createPatience } from './patience.ts';
import { createRates } from './rates.ts';

/** What the counter stands on. */
export interface CacheParts {
  readonly store: Store;
  readonly tags: Tags;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly recorder: Recorder;
  /** Word from other processes. @default none: waiters look by themselves */
  readonly bus?: Bus;
  /** Where writes wait for their origin. @default nothing can be buffered */
  readonly dirty?: Dirty | undefined;
  /** Opens where an upsert goes to. @default nowhere */
  readonly openTarget?: ((cache: string) => Promise<Target>) | undefined;
  /** Asks for a flush. Never throws. @default nobody is asked */
  readonly wake?: (cache: string) => void;
  /** How long one read waits for the store, however often it asks. @default 250 */
  readonly patienceMs?: number;
  /** Numbers from 0 up to 1. @default Math.random */
  readonly chance?: () => number;
  /** Store and tags that fail where those above would keep an invalidation for later. @default those above */
  readonly bare?: { readonly store: Store; readonly tags: Tags };
}

/** Every configured cache, for applications and for background work. */
export interface Caches {
  /** E_UNKNOWN_CACHE when no cache of this name is configured. */
  open<Name extends string, Id, Value>(def: CacheDef<Name, Id, Value>): CacheClient<Id, Value>;
  readonly fill: Writes['cache']['fill'];
  readonly look: Reads['store']['look'];
  readonly ages: Reads['store']['ages'];
  /** Entries and leases of keys go together; entries with any of the tags are dead at once. */
  invalidate(what: Invalidation): Promise<InvalidateResult>;
  /** Removes entries that are older than what the origin has now, and all that is under way for them. */
  forget(cache: string, keys: readonly string[]): Promise<void>;
  /** The value in a stored form, as a writer gets it. Throws, or rejects, with what is wrong with it. */
  read(cache: string, form: DirtyForm): unknown;
  /** Resolves when what is under way here has been written or given up. */
  settled(): Promise<void>;
  /** Nothing is served any more, E_STOPPED; resolves when what is under way has settled. */
  stop(): Promise<void>;
}

/** One configured cache and all that works on it. */
interface Made {
  readonly def: AnyCacheDef;
  readonly cache: Cache<unknown, unknown>;
  /** What applications hold. */
  readonly front: CacheClient<unknown, unknown>;
  readonly judge: Judge;
  readonly memory: Memory | undefined;
  readonly reader: Reader;
  fill(request: FillRequest): Promise<FillReport>;
}

/** Loads of one origin at once, and waiting, while no cache protects it. */
const unprotected = { atOnce: 16, waiting: 1_000 };
const missing: Look = { state: 'missing', freshUntil: 0 };

export function createCaches(defs: readonly AnyCacheDef[], parts: CacheParts): Caches {
  const { store, tags, budget, clock, events, recorder, bus, dirty, chance = Math.random } = parts;
  const { openTarget, wake = () => {} } = parts;
  const { bare = { store, tags } } = parts;
  const made = new Map<string, Made>();
  const bounds = new Map<string, Bound>();
  const pacers = createPacers(clock);
  const patience = createPatience(clock, parts.patienceMs ?? defaults.commandTimeoutMs);
  const counted = new Map<string, Counts>();
  events.on('entry:refused', ({ cache, why }) => {
    const refused = counted.get(cache)?.refused;
    if (refused) refused[why] = (refused[why] ?? 0) + 1;
  });
  events.on('load:settled', ({ cache, outcome, reason }) => {
    const counts = counted.get(cache);
    if (counts === undefined) return;
    counts.loads += 1;
    if (outcome !== 'ok') counts.loadErrors += 1;
    if (reason === 'refresh') counts.refreshes += 1;
  });
  const life: Life = { isOver: false };

  for (const def of defs) {
    const settings = settingsOf(def);
    const bound = bounds.get(def.origin.name) ?? createBound(unprotected);
    bounds.set(def.origin.name, bound);
    const judge = createJudge(tags, settings.isTagged, clock);
    const reader = createReader(def, settings);
    const { timeoutMs, batch } = settings;
    const past = createPast(def.name, { store, judge, reader });
    const behind = dirty && behindSettingsOf(def, dirty.partitions);
    const fromOrigin = createLoader(def, { clock, events, timeoutMs, batch, past });
    const load = dirty && behind ? withDirty(fromOrigin, { def, dirty, reader }) : fromOrigin;
    const originWrite = createOriginWrite({ def, clock, timeoutMs, dirty, openTarget });
    const rates = settings.ttl.countsReads ? createRates(clock) : undefined;
    const shared = { def, settings, store, tags, judge, load, reader, rates, clock, events };
    const counts = newCounts();
    counted.set(def.name, counts);
    const kept = memorySettingsOf(def, settings);
    const memory =
      kept && bus && createMemory({ cache: def.name, settings: kept, bus, clock, recorder, rates });
    const cache = createCache<string, unknown, unknown>(def, {
      ...shared,
      memory,
      bound,
      bus,
      recorder,
      counts,
      dirty,
      behind,
      originWrite,
      wake,
      chance,
      patience,
      mayForget: createNegatives(settings.negativeMax, clock),
      pulse: { loadMs: 0 },
    });
    made.set(def.name, {
      def,
      judge,
      cache,
      memory,
      reader,
      front: guarded(cache, life),
      fill: createFill({ ...shared, budget, pacers }),
    });
  }

  const find = (name: string): Made => {
    const found = made.get(name);
    if (found) return found;
    const known = [...made.keys()];
    const meant = nearest(name, known);
    throw new SamovarError('E_UNKNOWN_CACHE', `no cache is called '${name}'`, {
      hints: [meant ? `did you mean '${meant}'?` : `configured caches: ${known.join(', ') || 'none'}`],
    });
  };

  const settled = async (): Promise<void> => {
    await Promise.all(Array.from(made.values(), ({ cache }) => cache.settled()));
  };

  return {
    open: <Name extends string, Id, Value>(def: CacheDef<Name, Id, Value>) =>
      find(String((def as { name?: unknown } | undefined)?.name ?? def)).front as unknown as CacheClient<
        Id,
        Value
      >,

    fill: (cache, request) => find(cache).fill(request),

    async look(cache, keys) {
      const { judge } = find(cache);
      const heads = await store.heads(cache, keys);
      const judged = await judge.many(heads);
      return heads.map((bytes, i) => {
        const head = bytes && judged[i] === 'alive' ? headOf(bytes) : undefined;
        if (head === undefined) return missing;
        return { state: head.isNegative ? 'negative' : 'fresh', freshUntil: head.freshUntil };
      });
    },

    async ages(cache, keys) {
      const { judge } = find(cache);
      const heads = await store.heads(cache, keys);
      const judged = await judge.many(heads);
      return heads.map((bytes, i) => {
        const isThere = judged[i] === 'alive' || judged[i] === 'stale';
        const head = bytes && isThere ? headOf(bytes) : undefined;
        return head === undefined || head.isNegative ? undefined : head;
      });
    },

    async invalidate({
      cache,
      ids = [],
      keys = [],
      tags: labels = [],
      all: isAll = false,
      mode,
      isSure = false,
    }) {
      let removed = 0;
      const to = isSure ? bare : { store, tags };
      if (isSure && isAll && cache !== undefined && !made.has(cache)) {
        // One of another build.
        await to.store.clear(cache);
        return { keys: 0, tags: 0 };
      }
      if (ids.length + keys.length > 0 || isAll) {
        if (cache === undefined)
          throw new SamovarError('E_USAGE', 'expected the name of a cache beside what of it to invalidate');
        const { def, cache: counter, memory } = find(cache);
        if (isAll) await to.store.clear(cache).finally(() => memory?.clear());
        const all = [...new Set([...keys, ...ids.map((id) => def.key.encode(id))])];
        if (all.length > 0)
          await (mode === 'expire' ? counter.expireKeys(all, to.store) : counter.deleteKeys(all, to.store));
        removed = all.length;
      }
      if (labels.length > 0)
        await to.tags.invalidate(labels, mode).finally(() => {
          for (const { memory } of made.values()) memory?.dropTags(labels);
        });
      events.emit('cache:invalidated', { cache, keys: removed, tags: labels.length });
      return { keys: removed, tags: labels.length };
    },

    forget: (cache, keys) => find(cache).cache.deleteKeys(keys),

    read: (cache, form) => find(cache).reader.read(form),

    settled,

    stop() {
      life.isOver = true;
      for (const { memory } of made.values()) memory?.close();
      return settled();
    },
  };
}

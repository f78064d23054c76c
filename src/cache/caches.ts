import type { Clock } from '../clock.ts';
import type { AnyCacheDef, CacheDef } from '../define.ts';
import type { Emitter } from '../events.ts';
import type { CacheClient } from '../facade.ts';
import type { Budget } from '../origin/budget.ts';
import type { InvalidateResult, Reads, Recorder, Writes } from '../rooms.ts';
import type { Store } from '../store/store.ts';
import type { Tags } from '../tags/tags.ts';

/** What the counter stands on. */
export interface CacheParts {
  readonly store: Store;
  readonly tags: Tags;
  readonly budget: Budget;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly recorder: Recorder;
}

/** Every configured cache, for applications and for background work. */
export interface Caches {
  /** E_UNKNOWN_CACHE when the definition is not one of the configured ones. */
  open<Name extends string, Id, Value>(def: CacheDef<Name, Id, Value>): CacheClient<Id, Value>;
  readonly fill: Writes['cache']['fill'];
  readonly look: Reads['store']['look'];
  invalidate(what: {
    readonly cache?: string;
    readonly ids?: readonly unknown[];
    readonly keys?: readonly string[];
    readonly tags?: readonly string[];
  }): Promise<InvalidateResult>;
  /** Resolves when what is under way here has been written or given up. */
  settled(): Promise<void>;
}

export type CreateCaches = (defs: readonly AnyCacheDef[], parts: CacheParts) => Caches;

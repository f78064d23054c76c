import type { DueResults, FillReport, RunState } from './rooms.ts';

/** Everything Samovar tells about itself. No event carries a key or a value. */
export interface Events {
  'load:settled': {
    cache: string;
    reason: 'miss' | 'warm' | 'refresh';
    ids: number;
    ms: number;
    outcome: 'ok' | 'failed' | 'timeout';
  };
  'fill:settled': { cache: string; reason: 'warm' | 'refresh'; report: FillReport };
  'entry:refused': {
    cache: string;
    why:
      | 'lost'
      | 'too-big'
      | 'corrupt'
      | 'version'
      | 'schema'
      | 'encode'
      | 'store'
      | 'waited'
      | 'held-off'
      | 'negative-max';
  };
  /** A key was too long and is stored under its hash, which no plan can name; told at most once a cache. */
  'key:hashed': { cache: string };
  /** A load failed and the reader was given the cache's fallback. */
  'read:failed': { cache: string };
  'budget:waited': { origin: string; ms: number };
  'budget:changed': { origin: string; factor: number };
  'refresh:settled': { cache: string; results: DueResults };
  /** Keys that the due index did not take: they will simply expire. */
  'due:dropped': { cache: string; keys: number; why: 'bound' | 'store' };
  'access:dropped': { accesses: number; why: 'bound' | 'store' };
  'access:flushed': { cache: string; accesses: number; misses: number; caller: string };
  'run:changed': { cache: string; run: number; state: RunState };
  'warm:used': { cache: string; entries: number };
  /** A plan was compared with what came; shares are left out where there is nothing to share. */
  'plan:scored': { cache: string; used: number; extraLoads: number; precision?: number; recall?: number };
  'warm:unused': { cache: string; entries: number };
  'refresh:used': { cache: string; entries: number };
  'refresh:unused': { cache: string; entries: number };
  'cache:invalidated': { cache: string | undefined; keys: number; tags: number };
  /** Rows of the outbox were carried out; how long each had waited. */
  'changes:applied': { rows: number; lagsMs: readonly number[] };
  /** The server did not accept it: it waits in this process. No keys and no tags: everything of the cache. */
  'invalidation:kept': { cache: string | undefined; keys: number; tags: number; waiting: number };
  'invalidation:replayed': { keys: number; tags: number; caches: number };
  /** Whether the server is asked at all. */
  'store:changed': { role: 'cache' | 'queue'; isAway: boolean };
  /** The buffer is another than before: somebody emptied it, or its server came back without it. */
  'buffer:emptied': Record<string, never>;
  /** Whether the buffer's server can keep what it acknowledges; while it cannot, no write is taken. */
  'buffer:changed': { isSafe: boolean };
  /** The buffer of a cache is full, and a writer waits, was refused or writes to the origin itself. */
  'write:held': { cache: string; how: 'block' | 'reject' | 'write-through' };
  /** A statement is over: rows that the origin has, those that were news to it, those that changed meanwhile and stay dirty. */
  'flush:wrote': { cache: string; rows: number; applied: number; overtaken: number };
  'flush:settled': { cache: string; rows: number; dead: number; ms: number };
  /** Nobody's fault; it is tried again. */
  'flush:failed': { cache: string; code: string; message: string; times: number };
  /** The table or a right is missing: nothing is flushed until it is mended. */
  'flush:paused': { cache: string; code: string; message: string };
  'flush:resumed': { cache: string };
  /** Another process flushes these partitions; what was sent here wrote nothing. */
  'flush:fenced': { cache: string; partitions: number };
  'flush:dead': { cache: string; code: string };
  /** A row waits because there is no room for more dead letters. */
  'flush:dead-full': { cache: string };
  /** Partitions with bad rows rest: the statements of this minute that find out which rows they are have been spent. */
  'flush:unsearched': { cache: string; rows: number };
  /** The origin had later versions of rows than the buffer, which lost its newest writes: what it held of them is dropped. */
  'flush:conflict': { cache: string; rows: number };
  'flush:unreadable': { cache: string; rows: number };
  'job:ended': {
    job: string;
    outcome: 'done' | 'snooze' | 'cancel' | 'failed' | 'retry' | 'handed-back' | 'lost';
    ms: number;
  };
  'history:failed': { job: string };
  'schedule:ticked': { schedule: string; late: boolean };
  'schedule:skipped': { schedule: string; why: 'overlap' | 'paused' };
  'store:failed': { role: 'cache' | 'queue' | 'buffer'; message: string };
}

export type EventName = keyof Events;

export interface Emitter {
  emit<Name extends EventName>(name: Name, event: Events[Name]): void;
  /** Returns the way to stop listening. */
  on<Name extends EventName>(name: Name, listener: (event: Events[Name]) => void): () => void;
}

/** Calls listeners at once, in order; one that throws never harms the work that told of the event. */
export function createEmitter(onError: (error: unknown) => void = () => {}): Emitter {
  const listeners = new Map<EventName, Set<(event: never) => void>>();
  return {
    emit(name, event) {
      for (const listener of listeners.get(name) ?? []) {
        try {
          listener(event as never);
        } catch (error) {
          onError(error);
        }
      }
    },
    on(name, listener) {
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(listener as (event: never) => void);
      return () => set.delete(listener as (event: never) => void);
    },
  };
}

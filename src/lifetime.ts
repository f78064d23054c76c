import type { Duration } from './duration.ts';

/** What a ttl may depend on. */
export interface TtlFacts<Id, Value> {
  readonly id: Id;
  readonly value: Value;
  /** Reads of the key a minute, as far as this process has seen. */
  readsPerMinute(): number;
}

/** How long entries are fresh, when one length for all will not do. Made by `ttl.…`, or your own. */
export interface TtlPolicy<Id = unknown, Value = unknown> {
  /** No entry is ever fresh for longer. */
  readonly longestMs: number;
  /** What a plan reckons with. */
  readonly usualMs: number;
  /** For one entry, when it is filled. */
  of(facts: TtlFacts<Id, Value>): Duration;
  /** Reads move the end of freshness on, so long after each, never past `longestMs` after the fill. */
  readonly slideMs?: number;
  /** True when `of` asks for `readsPerMinute`: reads are counted by key then. */
  readonly countsReads?: boolean;
}

/** A length, a function of the value, or a policy. */
export type Ttl<Id, Value> = Duration | ((value: Value, id: Id) => Duration) | TtlPolicy<Id, Value>;

/** Data of when groups of keys are to be warm; units as in shapes. */
import type { Rise } from './shapes.ts';

/** What the time is made from by which the groups of one cache are to be warm. */
export interface RiseInput {
  readonly cache: string;
  readonly origin: string;
  /** What its origin allows; without a rate as many loads as may run at once. */
  readonly perSecond?: number;
  readonly concurrency: number;
  /** Most keys of one plan. */
  readonly top: number;
  readonly ttlMs: number;
  readonly rises: readonly Rise[];
  /** How far the forecast can be trusted, from 0 to 1, where that is known. */
  readonly confidence?: number;
}

/** When a part of a group is loaded. */
export interface RiseSlot {
  readonly at: number;
  readonly keys: number;
}

/** By when a group of keys is to be warm, and how it comes to be. */
export interface WarmTime {
  readonly cache: string;
  /** Its reads rise from here on. */
  readonly by: number;
  readonly readsPerHour: number;
  /** Keys that are loaded in the slots. */
  readonly keys: number;
  /** Keys for which the origin's budget has no room before. */
  readonly left: number;
  /** Earliest first. */
  readonly slots: readonly RiseSlot[];
}

/** A slot that was kept: one for the whole fleet. */
export interface KeptSlot extends RiseSlot {
  readonly cache: string;
  readonly by: number;
  /** Whether its run was asked for. */
  readonly isBegun: boolean;
}

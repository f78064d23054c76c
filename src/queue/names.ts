import { createHash, randomBytes } from 'node:crypto';

/** BullMQ's key prefix. The braces make all queues share one slot of a cluster, as its scripts need. */
export const queuePrefix = (prefix: string): string => `{${prefix}}`;

/** What a job carries through the queue; the queue's name is the job's. */
export interface QueuedWork {
  readonly payload: unknown;
  /** The schedule that asked for it. */
  readonly schedule?: string;
  /** The slot of that schedule, epoch ms; absent when it was run by hand. */
  readonly slot?: number;
}

/** The id of the one job of a slot, the same in every replica. */
export const slotJobId = (schedule: string, slot: number): string => `${schedule}@${slot}`;

/** An id of its own for a job that is wanted now. BullMQ takes no ':' and no bare number in one. */
export const freshJobId = (name: string): string =>
  `${name.replace(/[^\w.@|-]+/g, '.').slice(0, 80)}~${randomBytes(5).toString('hex')}`;

/** A name of work as a part of a Redis key: long ones become a hash. */
export const onceKey = (once: string): string =>
  once.length <= 120 ? once : createHash('sha256').update(once).digest('hex');

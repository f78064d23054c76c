import { randomBytes } from 'node:crypto';
import { secondMs } from '../duration.ts';

const ours = randomBytes(9).toString('base64url');
let made = 0;

/** A token nobody else has: what proves that a lease is still the one that was taken. */
export function newToken(): string {
  made += 1;
  return `${ours}.${made.toString(36)}`;
}

/**
 * How long a lease lasts: as long as the loads under it may take, and a margin to write what came. When its holder dies,
 * the key waits this long for a successor.
 */
export const leaseMs = (loadTimeoutMs: number, loads = 1): number => loads * loadTimeoutMs + 5 * secondMs;

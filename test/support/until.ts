import { systemClock } from '../../src/clock.ts';

/**
 * Waits until the condition gives something truthy and returns it; fails with `what` after `timeoutMs` (10 s).
 * A condition that throws is not met yet; what it threw last is the cause of the failure.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  { timeoutMs = 10_000, everyMs = 10 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const from = systemClock.elapsed();
  let cause: unknown;
  do {
    try {
      const met = await condition();
      if (met) return met as Exclude<T, undefined | null | false | 0 | ''>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await systemClock.sleep(everyMs);
  } while (systemClock.elapsed() - from < timeoutMs);
  throw new Error(`waited ${timeoutMs} ms in vain until ${what}`, { cause });
}

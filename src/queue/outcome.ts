import { type ErrorCode, hideSecrets, isSamovarError, messageOf, SamovarError } from '../errors.ts';
import type { Outcome } from '../job.ts';

/** Why a try was told to stop, if it was. */
export type Stopped = 'shutdown' | 'lock' | 'timeout' | undefined;

/** What the queue does with a job after one try. */
export type Verdict =
  | { readonly kind: 'complete'; readonly outcome: 'done' | 'cancel'; readonly value: unknown }
  /** Tried again after `delayMs`, no try spent. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly why: string }
  /** Put back for another worker, no try spent. */
  | { readonly kind: 'hand-back' }
  /** Not ours any more: another worker has it. */
  | { readonly kind: 'drop' }
  | { readonly kind: 'retry' | 'fail'; readonly error: Error };

/** Codes that a further try cannot mend. */
const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_PAYLOAD',
  'E_CONFIG',
  'E_LOAD_SHAPE',
  'E_UNKNOWN_CACHE',
]);

/** What a job said by returning. */
export function verdictOf(job: string, outcome: Outcome): Verdict {
  switch (outcome?.kind) {
    case 'done':
      return { kind: 'complete', outcome: 'done', value: outcome.result };
    case 'cancel':
      return { kind: 'complete', outcome: 'cancel', value: { cancelled: outcome.why } };
    case 'snooze':
      return { kind: 'later', delayMs: outcome.delayMs, why: outcome.why };
    default: {
      const error = new SamovarError(
        'E_CONFIG',
        `job ${job} returned ${describe(outcome)}; its run must return done(result), snooze(delay, why) or cancel(why)`,
      );
      return { kind: 'fail', error: plainError(error) };
    }
  }
}

/** What a job said by throwing. `attempt` is 1 for the first try. */
export function verdictOfError(
  error: unknown,
  { attempt, attempts, stopped }: { attempt: number; attempts: number; stopped: Stopped },
): Verdict {
  if (stopped === 'shutdown') return { kind: 'hand-back' };
  if (stopped === 'lock') return { kind: 'drop' };
  const isFinal = isSamovarError(error) && final.has(error.code);
  return { kind: isFinal || attempt >= attempts ? 'fail' : 'retry', error: plainError(error) };
}

/** A copy that carries its code in its message and no password: the queue keeps both message and stack. */
function plainError(error: unknown): Error {
  const plain = new Error(isSamovarError(error) ? `${error.code} ${messageOf(error)}` : messageOf(error));
  if (error instanceof Error) {
    plain.name = error.name;
    plain.stack = hideSecrets(error.stack ?? '');
  }
  return plain;
}

const describe = (value: unknown): string =>
  value === null || typeof value !== 'object' ? String(value) : 'something else';

const firstMs = 1_000;
const longestMs = 300_000;

/** How long before try number `attempt + 1`: doubling from one second to five minutes, half of it by chance. */
export function backoffMs(attempt: number, random: () => number): number {
  const full = Math.min(longestMs, firstMs * 2 ** (attempt - 1));
  return Math.round(full * (0.5 + random() * 0.5));
}

/** Every way Samovar can fail, by who must act on it. `docs/errors.md` is held to this list by a test. */
export const errorCodes = {
  E_CONFIG: 'developer',
  E_PAYLOAD: 'developer',
  E_CRON: 'developer',
  E_UNKNOWN_CACHE: 'developer',
  E_UNKNOWN_JOB: 'developer',
  E_UNKNOWN_SCHEDULE: 'developer',
  E_UNKNOWN_RUN: 'developer',
  E_LOAD_SHAPE: 'developer',
  E_LOAD_LOOP: 'developer',
  E_ENCODE: 'developer',
  E_KEY: 'developer',
  E_STOPPED: 'developer',
  E_JOB_TIMEOUT: 'developer',
  E_UNEXPECTED: 'developer',
  E_USAGE: 'operator',
  E_IMPORT: 'operator',
  E_STORE_UNAVAILABLE: 'operator',
  E_STORE_FULL: 'operator',
  E_BUFFER_UNAVAILABLE: 'operator',
  E_BUFFER: 'operator',
  E_DIRTY_FULL: 'operator',
  E_INDETERMINATE: 'developer',
  E_QUEUE_UNAVAILABLE: 'operator',
  E_QUEUE_EVICTS: 'operator',
  E_DATABASE_UNAVAILABLE: 'operator',
  E_SCHEMA: 'operator',
  E_SERVERS: 'operator',
  E_LOAD_FAILED: 'origin',
  E_LOAD_TIMEOUT: 'origin',
  E_WRITE_FAILED: 'origin',
  E_REFUSED: 'origin',
  E_ALREADY_RUNNING: 'nobody',
} as const satisfies Record<string, 'developer' | 'operator' | 'origin' | 'nobody'>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** What would mend it, one line each. */
  readonly hints?: readonly string[];
  readonly cause?: unknown;
  /** Names a write whose fate is unknown, so that it can be asked for again. */
  readonly operation?: string;
  /** Of E_REFUSED: the ids that are not taken as they are. */
  readonly ids?: readonly unknown[];
}

/** The one error class. `code` is the contract; the message names the value and the way out. */
export class SamovarError extends Error {
  override readonly name = 'SamovarError';
  readonly code: ErrorCode;
  readonly hints: readonly string[];
  /** Of E_INDETERMINATE: the name under which the write can be asked for again without being done twice. */
  readonly operation?: string;
  /** Of E_REFUSED: the ids whose values are not taken; none named = one of those that were handed over. */
  readonly ids?: readonly unknown[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hints = details.hints ?? [];
    if (details.operation !== undefined) this.operation = details.operation;
    if (details.ids !== undefined) this.ids = details.ids;
  }
}

export const isSamovarError = (error: unknown): error is SamovarError => error instanceof SamovarError;

/** The text of anything that was thrown, without a stack and with passwords of URLs hidden. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  // The driver's way to say that it has no connection at present.
  return hideSecrets(
    text.replace(/^Stream isn't writeable and enableOfflineQueue options is false$/, 'not connected'),
  );
}

/** Replaces the passwords of every URL in a text, before the host and among the parameters. */
export const hideSecrets = (text: string): string =>
  text
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/[^:@/\s]*):[^@/\s]*@/gi, '$1:***@')
    .replace(/([?&](?:password|sslpassword|sslkey)=)[^&\s]*/gi, '$1***');

/** The known name closest to a mistyped one, if any is close enough to be meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, swap));
    }
    row = next;
  }
  return row[b.length]!;
}

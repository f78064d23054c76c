import type { ImportLine } from '../config.ts';

/** A line of history as its format tells it, before anyone asks which cache and key it is about. */
export interface HistoryLine extends ImportLine {
  readonly cache?: string | undefined;
  readonly key?: string | undefined;
  readonly caller?: string | undefined;
  /** Size of the value. */
  readonly bytes?: number | undefined;
}

/** Why a line could not be read. */
export type BadReason = 'shape' | 'time' | 'future' | 'tooOld' | 'tooLong' | 'noKey';
export interface BadLine {
  readonly bad: BadReason;
}

export const isBad = (line: HistoryLine | BadLine): line is BadLine => 'bad' in line;

/** Hears of each record, with the number and text of its (first) line. */
export type Emit = (line: HistoryLine | BadLine, number: number, text: string) => void;

/** Reads the lines of one format. */
export interface LineReader {
  /** Columns that every line has; undefined where each line may have its own. */
  readonly columns: readonly string[] | undefined;
  line(text: string, number: number): void;
  /** Tells what was begun and never ended. */
  end(): void;
}

/** What a column or property is called in the logs of others, best first. */
const roles = {
  time: [
    'epoch_seconds',
    'epoch_ms',
    'epoch',
    'at',
    'ts',
    'time',
    'timestamp',
    '@timestamp',
    'time_iso8601',
    'time_local',
    'msec',
    'datetime',
    'date',
  ],
  cache: ['cache'],
  key: ['key'],
  path: ['path', 'request_uri', 'uri', 'url', 'request'],
  method: ['method', 'request_method'],
  status: ['status', 'status_code'],
  agent: ['agent', 'user_agent', 'http_user_agent', 'useragent'],
  caller: ['caller'],
  bytes: ['size', 'bytes'],
} as const;

export type Role = keyof typeof roles;
export const roleNames = Object.keys(roles) as Role[];

/** Which of the names plays a role, if any. */
export const playerOf = (role: Role, names: readonly string[]): string | undefined =>
  roles[role].find((name) => names.includes(name));

/** Splits `GET /products/1 HTTP/1.1`; undefined when it is no request line. */
export function splitRequest(text: string): { method: string; path: string } | undefined {
  const first = text.indexOf(' ');
  if (first < 1) return undefined;
  const method = text.slice(0, first);
  if (!/^[A-Z]{3,20}$/.test(method)) return undefined;
  const last = text.lastIndexOf(' HTTP/');
  const path = text.slice(first + 1, last > first ? last : undefined);
  return path === '' ? undefined : { method, path };
}

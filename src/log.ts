import { createRequire } from 'node:module';
import { type DestinationStream, type Logger, pino } from 'pino';
import { hideSecrets } from './errors.ts';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & {
  child(bindings: Record<string, unknown>): Log;
};
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Lines of JSON on standard error, readable ones on a terminal. URLs, passwords, keys and values are never in them. */
export function createLog(options: { level: LogLevel; to?: DestinationStream; pretty?: boolean }): Log {
  const pretty = options.pretty ?? (options.to === undefined && process.stderr.isTTY === true);
  const stream = options.to ?? (pretty ? prettyStream() : pino.destination({ dest: 2, sync: true }));
  return pino(
    {
      level: options.level,
      base: null,
      redact: {
        paths: [
          'url',
          '*.url',
          'password',
          '*.password',
          'value',
          '*.value',
          'key',
          '*.key',
          'keys',
          '*.keys',
        ],
      },
      serializers: { err: (error: unknown) => plainError(error) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    stream,
  );
}

export const silentLog: Log = pino({ level: 'silent' });

function plainError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: hideSecrets(String(error)) };
  const { code } = error as { code?: unknown };
  return {
    name: error.name,
    message: hideSecrets(error.message),
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined ? {} : { cause: plainError(error.cause) }),
  };
}

function prettyStream(): DestinationStream {
  const pretty = createRequire(import.meta.url)('pino-pretty') as (options: object) => DestinationStream;
  return pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' });
}

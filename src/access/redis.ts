import { randomUUID } from 'node:crypto';
import type { Redis } from '../connect.ts';
import { readLua } from '../files.ts';
import type { Reads, Writes } from '../rooms.ts';
import { type AppendLog, accessesOf } from './bucket.ts';
import { mergeMessages } from './merge.ts';
import { decodeMessage, encodeMessage } from './message.ts';

export interface AccessLogOptions {
  readonly prefix: string;
  /** Above this the oldest messages go: the queue's Redis must not fill up. @default 64 MiB */
  readonly maxBytes?: number;
}

export type AccessLog = AppendLog & Reads['accessLog'] & Writes['accessLog'];

interface Scripts {
  svAccessAppend(stream: string, log: string, sender: string, ...args: (string | number)[]): Promise<number>;
  svAccessTrim(stream: string, log: string, id: string, keepFrom: string): Promise<number>;
}

/** Counts on their way from the applications to Postgres: a stream in the queue's Redis. */
export function createAccessLog(
  redis: Redis,
  { prefix, maxBytes = 64 * 1024 * 1024 }: AccessLogOptions,
): AccessLog {
  const stream = `${prefix}:access`;
  // In braces the name hashes to the slot of the stream itself.
  const log = `{${stream}}:log`;
  redis.defineCommand('svAccessAppend', { lua: readLua('access-append'), numberOfKeys: 3 });
  redis.defineCommand('svAccessTrim', { lua: readLua('access-trim'), numberOfKeys: 2 });
  const scripts = redis as unknown as Scripts;

  const readAfter = async (after: string, most: number) => {
    const [[idError, id], [entriesError, entries]] = (await redis
      .multi()
      .hget(log, 'id')
      .xrange(stream, `(${after}`, '+', 'COUNT', most)
      .exec()) as [[Error | null, string | null], [Error | null, [id: string, fields: string[]][]]];
    if (idError ?? entriesError) throw idError ?? entriesError;
    return { id, entries };
  };

  return {
    async append(message) {
      const lost = await scripts.svAccessAppend(
        stream,
        log,
        `{${stream}}:from:${message.from}`,
        randomUUID(),
        message.seq,
        maxBytes,
        accessesOf(message),
        encodeMessage(message),
      );
      return { lost };
    },

    async read(cursors, { most }) {
      const expected = await redis.hget(log, 'id');
      if (expected === null) return undefined;
      const after = cursors[expected] ?? '0-0';
      const { id, entries } = await readAfter(after, most);
      // Emptied in between: the next read finds the new log.
      if (id !== expected || entries.length === 0) return undefined;
      const messages = entries.map(([, fields]) => decodeMessage(fields[5] ?? ''));
      const readable = messages.filter((message) => message !== undefined);
      return {
        log: id,
        after,
        upto: entries.at(-1)![0],
        messages: entries.length,
        unreadable: messages.length - readable.length,
        ...mergeMessages(readable),
      };
    },

    async trim({ log: id, upto }) {
      const [ms, seq] = upto.split('-');
      await scripts.svAccessTrim(stream, log, id, `${ms}-${BigInt(seq!) + 1n}`);
    },
  };
}

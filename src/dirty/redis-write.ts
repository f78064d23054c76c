import type { Redis } from '../connect.ts';
import { messageOf } from '../errors.ts';
import { readLua } from '../files.ts';
import { createCalls } from './calls.ts';
import type { Dirty, Written } from './dirty.ts';
import { createGather } from './gather.ts';
import type { DirtyNames } from './names.ts';
import { isOutOfMemory, isSure, writeError } from './redis-errors.ts';
import { argumentsOf, type CachedNames, type Question } from './write-arguments.ts';

interface Scripts {
  dirtyWrite(keys: number, ...args: (string | number | Buffer)[]): Promise<string>;
  dirtyAdd(keys: number, ...args: (string | number)[]): Promise<string[]>;
}

/** How many replicas must have a write before it is acknowledged, or whether it must be on disk. */
export interface Level {
  readonly replicas: number;
  /** Where the server does not sync before every reply, it is asked whether it has. */
  readonly isSynced: boolean;
  readonly waitMs: number;
}

/** How long a repeated operation is known, and of how many of a cache. */
const rememberedMs = 10 * 60 * 1_000;
const rememberedUs = rememberedMs * 1_000;
const mostRemembered = 500_000;

/** Writes into the buffer: those of one tick in as few scripts as can be, however many caches and partitions they are of. */
export function createRedisWrites(
  redis: Redis,
  {
    names,
    levelOf,
    cachedOf,
  }: {
    readonly names: DirtyNames;
    readonly levelOf: (cache: string) => Level | undefined;
    readonly cachedOf?: ((cache: string, key: string) => CachedNames) | undefined;
  },
): Pick<Dirty, 'write' | 'add'> {
  redis.defineCommand('dirtyWrite', { lua: readLua('dirty-write') });
  redis.defineCommand('dirtyAdd', { lua: readLua('dirty-add') });
  const scripts = redis as unknown as Scripts;
  const mostAdditions = Math.ceil(mostRemembered / names.partitions);
  const calls = createCalls(rememberedMs);

  /** Waits, on the same connection, until what was written before is as safe as its cache asks. */
  const settle = async (caches: Iterable<string>): Promise<void> => {
    try {
      await settled(caches);
    } catch (error) {
      // It is in the buffer: whatever the server says now, it is not known to be refused.
      throw new Error(messageOf(error), { cause: error });
    }
  };
  const settled = async (caches: Iterable<string>): Promise<void> => {
    let replicas = 0;
    let waitMs = 0;
    let isSynced = false;
    for (const cache of caches) {
      const level = levelOf(cache);
      if (level === undefined) continue;
      replicas = Math.max(replicas, level.replicas);
      isSynced ||= level.isSynced;
      waitMs = Math.max(waitMs, level.waitMs);
    }
    if (replicas > 0) {
      const reached = Number(await redis.call('WAIT', replicas, waitMs));
      if (reached < replicas) throw new Error(`${reached} of ${replicas} replicas have it`);
    }
    if (isSynced) {
      const [synced] = (await redis.call('WAITAOF', 1, 0, waitMs)) as number[];
      if (Number(synced) < 1) throw new Error('it is not on disk yet');
    }
  };

  const send = async (questions: readonly Question[]): Promise<(Written | Error)[]> => {
    const asked = argumentsOf(questions, names, cachedOf);
    const call = calls.begin();
    const answers: (Written | Error)[] = new Array(questions.length);
    try {
      const told = await scripts.dirtyWrite(
        asked.keys.length,
        ...asked.keys,
        ...[call.name, asked.operations.join(' '), rememberedUs, mostRemembered],
        ...asked.rest,
        ...call.over,
      );
      await settle(new Set(questions.map(({ cache }) => cache)));
      calls.answered(call);
      told.split(' ').forEach((text, i) => {
        answers[asked.order[i]!] = writtenOf(text);
      });
    } catch (error) {
      if (isSure(error)) calls.refused(call);
      else calls.lost(call);
      questions.forEach(({ write }, i) => {
        answers[i] = isOutOfMemory(error) ? { kind: 'full' } : writeError(error, write.operation);
      });
    }
    return answers;
  };
  const gather = createGather(send);

  return {
    write: (cache, write, marks) => gather({ cache, write, marks, partition: names.partitionOf(write.key) }),

    async add(cache, { key, by, operation }) {
      const { entries, index, state, watches, additions } = names.of(cache, names.partitionOf(key));
      try {
        const cached = cachedOf?.(cache, key);
        const keys = [
          entries,
          index,
          state,
          watches,
          additions,
          ...(cached ? [cached.leases, cached.entry] : []),
        ];
        const [version, total] = await scripts.dirtyAdd(
          keys.length,
          ...keys,
          ...[key, String(by), operation, rememberedUs, mostAdditions],
        );
        if (version === 'L') return { kind: 'overtaken' };
        await settle([cache]);
        return { kind: 'ok', version: Number(version), isSoft: false, total: Number(total) };
      } catch (error) {
        if (isOutOfMemory(error)) return { kind: 'full' };
        throw writeError(error, operation);
      }
    },
  };
}

function writtenOf(text: string): Written {
  if (text === 'F') return { kind: 'full' };
  if (text === 'L') return { kind: 'overtaken' };
  if (text.startsWith('='))
    return { kind: 'ok', version: Number(text.slice(1)), isSoft: false, isKnown: true };
  const isSoft = text.startsWith('+');
  return { kind: 'ok', version: Number(isSoft ? text.slice(1) : text), isSoft };
}

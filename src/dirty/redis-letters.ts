import type { Redis } from '../connect.ts';
import type { Reason } from '../dirty-shapes.ts';
import { readLua } from '../files.ts';
import type { DeadLetter, Dirty } from './dirty.ts';
import { entryOf } from './entry.ts';
import { groupBy } from './group.ts';
import type { DirtyNames } from './names.ts';

interface Scripts {
  dirtyDead(keys: 4, ...args: (string | number)[]): Promise<string>;
  dirtyLetters(keys: 4, ...args: string[]): Promise<number>;
}

export interface LettersParts {
  readonly names: DirtyNames;
  readonly partitions: number;
  ask<T>(question: Promise<T>): Promise<T>;
}

const letterOf = { d: 'dead', c: 'changed', f: 'full' } as const;
/** Before the reason: when, and how long it is. */
const headBytes = 19;

/** Writes that the origin refused. */
export function createRedisLetters(
  redis: Redis,
  { names, partitions, ask }: LettersParts,
): Pick<Dirty, 'dead' | 'letter' | 'letters' | 'retry' | 'drop'> {
  redis.defineCommand('dirtyDead', { lua: readLua('dirty-dead') });
  redis.defineCommand('dirtyLetters', { lua: readLua('dirty-letters') });
  const scripts = redis as unknown as Scripts;
  const keysOf = (cache: string, partition: number) => {
    const { entries, index, state, dead } = names.of(cache, partition);
    return [entries, index, state, dead] as const;
  };

  const decide = async (cache: string, what: 'retry' | 'drop', keys?: readonly string[]): Promise<number> => {
    let done = 0;
    if (keys === undefined) {
      for (let p = 0; p < partitions; p++)
        done += await ask(scripts.dirtyLetters(4, ...keysOf(cache, p), what));
    } else {
      for (const [p, some] of groupBy(keys, names.partitionOf))
        done += await ask(scripts.dirtyLetters(4, ...keysOf(cache, p), what, ...some));
    }
    return done;
  };

  return {
    async dead(cache, rows, most) {
      const results: ('dead' | 'changed' | 'full')[] = new Array(rows.length);
      const places = groupBy(rows.keys(), (i) => rows[i]!.partition);
      for (const [partition, at] of places) {
        const args = at.flatMap((i) => {
          const { key, version, reason } = rows[i]!;
          return [key, version, JSON.stringify(reason)];
        });
        const told = await ask(scripts.dirtyDead(4, ...keysOf(cache, partition), most, ...args));
        at.forEach((position, i) => {
          results[position] = letterOf[told[i] as keyof typeof letterOf];
        });
      }
      return results;
    },

    async letter(cache, key) {
      const bytes = await ask(redis.hgetBuffer(names.of(cache, names.partitionOf(key)).dead, key));
      return bytes === null ? undefined : deadLetterOf(key, bytes);
    },

    async letters(cache, { most }) {
      const found: DeadLetter[] = [];
      for (let p = 0; p < partitions && found.length < most; p++) {
        let cursor = '0';
        do {
          const [next, told] = await ask(
            redis.hscanBuffer(names.of(cache, p).dead, cursor, 'COUNT', Math.min(most, 500)),
          );
          cursor = String(next);
          for (let i = 0; i < told.length; i += 2) {
            const letter = deadLetterOf(String(told[i]), told[i + 1]!);
            if (letter) found.push(letter);
          }
        } while (cursor !== '0' && found.length < most);
      }
      return found.sort((a, b) => b.at - a.at).slice(0, most);
    },

    retry: (cache, keys) => decide(cache, 'retry', keys),
    drop: (cache, keys) => decide(cache, 'drop', keys),
  };
}

function deadLetterOf(key: string, bytes: Buffer): DeadLetter | undefined {
  const at = Number(bytes.toString('latin1', 0, 13));
  const bodyAt = headBytes + Number(bytes.toString('latin1', 13, headBytes));
  const entry = entryOf(bytes.subarray(bodyAt));
  if (entry === undefined) return undefined;
  const reason = JSON.parse(bytes.toString('utf8', headBytes, bodyAt)) as Reason;
  return { key, at, version: entry.version, reason, form: entry.form };
}

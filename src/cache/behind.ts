import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Dirty, DirtyForm, Written } from '../dirty/dirty.ts';
import { isOperation } from '../dirty/entry.ts';
import { SamovarError } from '../errors.ts';
import type { Emitter } from '../events.ts';
import type { Loader } from '../origin/load.ts';
import { encode } from '../store/codec.ts';
import { squeeze } from '../store/squeeze.ts';
import type { BehindSettings } from './behind-settings.ts';
import { tooBig } from './draft.ts';
import { checkKey, checkValue } from './edge.ts';
import type { Reader } from './form.ts';
import type { CacheSettings } from './options.ts';
import type { OriginWrite } from './origin-write.ts';

export interface BehindParts {
  readonly def: AnyCacheDef;
  readonly settings: CacheSettings;
  readonly behind: BehindSettings;
  readonly dirty: Dirty;
  readonly reader: Reader;
  /** Loads what is dirty from the buffer. */
  readonly load: Loader;
  readonly clock: Clock;
  readonly events: Emitter;
  readonly originWrite: (write: OriginWrite) => Promise<void>;
  /** Forgets what is stored of a key, and every load under way. */
  forget(key: string): Promise<void>;
  /** Asks for a flush. Never throws. */
  wake(cache: string): void;
}

/** Writes that are acknowledged by the buffer and reach the origin later. */
export interface Behind {
  set(id: unknown, value: unknown, operation?: string): Promise<void>;
  remove(id: unknown, operation?: string): Promise<void>;
  /** Makes a new value of the present one, again and again until nobody wrote in between; undefined changes nothing. */
  update(id: unknown, make: (value: unknown) => unknown): Promise<unknown>;
  increment(id: unknown, by: number, operation?: string): Promise<number>;
}

const mostTries = 50;
const firstPauseMs = 5;
const longestPauseMs = 200;
const ours = randomBytes(8).toString('base64url');
let named = 0;
/** Of an operation that nobody else has. */
const newName = (): string => {
  named += 1;
  return `${ours}-${named.toString(36)}`;
};

export function createBehind(parts: BehindParts): Behind {
  const { def, settings, behind, dirty, reader, load, clock, events, originWrite, forget, wake } = parts;
  const cache = def.name;
  const { marks, whenFull, blockMs, merge } = behind;

  const turns = new Map<string, Promise<unknown>>();

  const keyOf = (id: unknown): string => {
    const key = def.key.encode(id);
    checkKey(def, key);
    return key;
  };

  const nameOf = (operation: string | undefined): string => {
    if (operation === undefined) return newName();
    if (isOperation(operation)) return operation;
    throw new SamovarError('E_USAGE', `expected \`operation\` to be 1 to 22 letters, digits, '-' or '_'`);
  };

  /** The stored form of what may be written; throws for what may not. */
  const formOf = async (value: unknown): Promise<DirtyForm> => {
    const why = def.schema === undefined ? undefined : await reader.misfit(value);
    if (why !== undefined)
      throw new SamovarError('E_ENCODE', `a value for caches.${cache} does not fit its schema: ${why}`);
    checkValue(def, value);
    const form = encode(cache, value, settings.codec);
    const bytes = Buffer.byteLength(form.body);
    if (bytes > settings.maxValueBytes) throw tooBig(def, settings, bytes);
    return bytes > settings.compressAbove ? squeeze(form, settings.compressAbove) : form;
  };

  /** Asks until there is room, as long as the cache lets its writers wait. Undefined = the origin has it at once. */
  const accept = async (
    ask: () => Promise<Written>,
    atOnce: () => Promise<void>,
  ): Promise<Exclude<Written, { kind: 'full' }> | undefined> => {
    const until = clock.elapsed() + blockMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      const written = await ask();
      if (written.kind === 'ok') {
        if (written.isSoft) wake(cache);
        return written;
      }
      if (written.kind === 'overtaken') return written;
      wake(cache);
      events.emit('write:held', { cache, how: whenFull });
      if (whenFull === 'write-through') return void (await atOnce());
      if (whenFull === 'reject' || clock.elapsed() >= until) throw full(def);
      await clock.sleep(pauseMs);
    }
  };

  /** Answers false when somebody wrote since the key was watched. */
  const put = async (
    { key, id, value }: OriginWrite,
    { operation, watched }: { operation?: string | undefined; watched?: string },
  ): Promise<boolean> => {
    const form = value === undefined ? undefined : await formOf(value);
    const isRepeated = operation !== undefined;
    const write = { key, form, operation: nameOf(operation), isRepeated, watched };
    const written = await accept(
      () => dirty.write(cache, write, marks),
      () => originWrite({ key, id, value }),
    );
    if (written?.kind === 'overtaken') return false;
    await forget(key);
    return true;
  };

  /** What the key is now, dirty or not, past the cache: that may be about to be forgotten. */
  const present = async (id: unknown, key: string): Promise<unknown> => {
    const { values, errors } = await load({ ids: [id], keys: [key], reason: 'miss' });
    const error = errors.get(0);
    if (error) throw error;
    const value = values[0];
    return value === undefined ? undefined : reader.read(encode(cache, value, settings.codec));
  };

  /** One change of a key at a time in this process: the others would only be overtaken. */
  const inTurn = async <T>(key: string, change: () => Promise<T>): Promise<T> => {
    const before = turns.get(key);
    const mine = (before ?? Promise.resolve()).catch(() => {}).then(change);
    turns.set(key, mine);
    try {
      return await mine;
    } finally {
      if (turns.get(key) === mine) turns.delete(key);
    }
  };

  const changed = async (key: string, id: unknown, make: (value: unknown) => unknown): Promise<unknown> => {
    for (let tries = 0; tries < mostTries; tries++) {
      const { word: watched } = await dirty.watch(cache, key, newName());
      const value = await make(await present(id, key));
      if (value === undefined) return undefined;
      if (await put({ key, id, value }, { watched })) return value;
    }
    throw new SamovarError(
      'E_WRITE_FAILED',
      `a value of caches.${cache} was written by others ${mostTries} times while it was updated`,
      { hints: ['make the function faster, or update less often'] },
    );
  };

  const update: Behind['update'] = (id, make) => {
    const key = keyOf(id);
    return inTurn(key, () => changed(key, id, make));
  };

  return {
    async set(id, value, operation) {
      if (value === undefined)
        throw new SamovarError('E_ENCODE', `undefined was to be written to caches.${cache}`, {
          hints: ['to delete an id, call delete(id)'],
        });
      if (merge !== undefined) return void (await update(id, (present) => merge(present, value, id)));
      await put({ key: keyOf(id), id, value }, { operation });
    },

    async remove(id, operation) {
      await put({ key: keyOf(id), id, value: undefined }, { operation });
    },

    update,

    async increment(id, by, given) {
      if (typeof by !== 'number' || !Number.isFinite(by))
        throw new SamovarError('E_USAGE', `expected a number to add to caches.${cache}, got ${String(by)}`);
      const key = keyOf(id);
      const operation = nameOf(given);
      for (let tries = 0; tries < mostTries; tries++) {
        const added = await dirty.add(cache, { key, by, operation });
        if (added.kind === 'ok') {
          await forget(key);
          return added.total!;
        }
        if (added.kind === 'full') {
          await accept(
            async () => added,
            async () => {},
          );
          continue;
        }
        // It is made dirty as it is first: only what is dirty can be added to by several at once.
        const { word: watched } = await dirty.watch(cache, key, newName());
        const value = (await present(id, key)) ?? 0;
        if (typeof value !== 'number')
          throw new SamovarError(
            'E_ENCODE',
            `a value of caches.${cache} is no number, so nothing can be added to it`,
            {
              hints: ['keep the number in a cache of its own, or use update(id, fn)'],
            },
          );
        checkValue(def, value);
        const form = encode(cache, value, 'json');
        const write = { key, form, operation: newName(), watched };
        await accept(
          () => dirty.write(cache, write, marks),
          async () => {
            throw full(def);
          },
        );
      }
      throw new SamovarError(
        'E_WRITE_FAILED',
        `nothing could be added to a value of caches.${cache}: others write it`,
      );
    },
  };
}

const full = (def: AnyCacheDef): SamovarError =>
  new SamovarError('E_DIRTY_FULL', `the buffer of caches.${def.name} is full: a write was not taken`, {
    hints: [
      'write again later: nothing was changed',
      `see what holds the flush up: samovar status; or raise \`caches.${def.name}.writeBehind.maxDirty\``,
    ],
  });

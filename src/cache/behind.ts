import type { Clock } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Dirty, DirtyForm, Written } from '../dirty/dirty.ts';
import { newOperation, type Operation } from '../dirty/operation.ts';
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
  set(id: unknown, value: unknown, operation: Operation): Promise<void>;
  remove(id: unknown, operation: Operation): Promise<void>;
  /** Makes a new value of the present one, again and again until nobody wrote in between; undefined changes nothing. */
  update(id: unknown, make: (value: unknown) => unknown, operation: Operation): Promise<unknown>;
  increment(id: unknown, by: number, operation: Operation): Promise<number>;
}

const mostTries = 50;
const firstPauseMs = 5;
const longestPauseMs = 200;

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

  /** `overtaken` when somebody wrote since the key was watched, `known` when it was done before. */
  const put = async (
    { key, id, value }: OriginWrite,
    { name: operation, isRepeated }: Operation,
    watched?: string,
  ): Promise<'taken' | 'known' | 'overtaken'> => {
    const form = value === undefined ? undefined : await formOf(value);
    const write = { key, form, operation, isRepeated, watched };
    const written = await accept(
      () => dirty.write(cache, write, marks),
      () => originWrite({ key, id, value }),
    );
    if (written?.kind === 'overtaken') return 'overtaken';
    await forget(key);
    return written?.kind === 'ok' && written.isKnown ? 'known' : 'taken';
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

  const changed = async (
    key: string,
    id: unknown,
    make: (value: unknown) => unknown,
    operation: Operation,
  ): Promise<unknown> => {
    for (let tries = 0; tries < mostTries; tries++) {
      const { word: watched } = await dirty.watch(cache, key, newOperation().name);
      const value = await make(await present(id, key));
      if (value === undefined) return undefined;
      const became = await put({ key, id, value }, operation, watched);
      if (became === 'taken') return value;
      if (became === 'known') return present(id, key);
    }
    throw new SamovarError(
      'E_WRITE_FAILED',
      `a value of caches.${cache} was written by others ${mostTries} times while it was updated`,
      { hints: ['make the function faster, or update less often'] },
    );
  };

  const update: Behind['update'] = (id, make, operation) => {
    const key = keyOf(id);
    return inTurn(key, () => changed(key, id, make, operation));
  };

  return {
    async set(id, value, operation) {
      if (value === undefined)
        throw new SamovarError('E_ENCODE', `undefined was to be written to caches.${cache}`, {
          hints: ['to delete an id, call delete(id)'],
        });
      if (merge !== undefined)
        return void (await update(id, (present) => merge(present, value, id), operation));
      await put({ key: keyOf(id), id, value }, operation);
    },

    async remove(id, operation) {
      await put({ key: keyOf(id), id, value: undefined }, operation);
    },

    update,

    async increment(id, by, { name: operation }) {
      if (typeof by !== 'number' || !Number.isFinite(by))
        throw new SamovarError('E_USAGE', `expected a number to add to caches.${cache}, got ${String(by)}`);
      const key = keyOf(id);
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
        const { word: watched } = await dirty.watch(cache, key, newOperation().name);
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
        const write = { key, form, operation: newOperation().name, watched };
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

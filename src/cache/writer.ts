import type { CacheDef } from '../define.ts';
import type { Dirty } from '../dirty/dirty.ts';
import { commonOperation, type Operation, operationOf } from '../dirty/operation.ts';
import { SamovarError } from '../errors.ts';
import type { CacheClient, SetOptions } from '../facade.ts';
import { type Behind, createBehind } from './behind.ts';
import type { BehindSettings } from './behind-settings.ts';
import type { MissParts } from './miss.ts';
import { inOneGo } from './one-go.ts';
import { nothingToWriteWith, type OriginWrite } from './origin-write.ts';
import { createWrite, createWriteThrough } from './write.ts';

export interface WriterParts {
  readonly dirty?: Dirty | undefined;
  /** Only where writes are buffered. */
  readonly behind?: BehindSettings | undefined;
  readonly originWrite: (write: OriginWrite) => Promise<void>;
  /** Asks for a flush. Never throws. */
  wake(cache: string): void;
}

/** What a write does to the cache itself. */
export interface Around {
  /** Forgets what is stored, and every load under way. */
  forget(keys: readonly string[]): Promise<void>;
  /** Forgets what this process has of them, in memory and on its way. */
  drop(keys: readonly string[]): void;
  /** Stores a value over whatever there is. */
  store(key: string, id: unknown, value: unknown, options?: SetOptions): Promise<void>;
}

type Writer<Id, Value> = Pick<
  CacheClient<Id, Value>,
  'set' | 'setMany' | 'write' | 'update' | 'increment' | 'delete'
>;

/** Everything that changes a value, each as the mode of the cache wants it. */
export function createWriter<Id, Value>(
  def: CacheDef<string, Id, Value>,
  parts: WriterParts & MissParts,
  { forget, drop, store }: Around,
): Writer<Id, Value> {
  const { dirty, behind: settings, originWrite } = parts;
  const mode = def.mode ?? (def.writeBehind ? 'write-behind' : undefined);
  const write = createWrite({ ...parts, forget, drop });
  const through = createWriteThrough({ ...parts, forget, drop });
  const behind: Behind | undefined =
    dirty && settings
      ? createBehind({ ...parts, dirty, behind: settings, forget: inOneGo(forget) })
      : undefined;

  const buffered = (): Behind => {
    if (behind) return behind;
    throw new SamovarError(
      'E_USAGE',
      `caches.${def.name} has no \`writeBehind\`, so its values cannot be changed in place`,
      {
        hints: ["buffer its writes: writeBehind: { delay: '1s' }"],
      },
    );
  };

  const put = async (
    id: Id,
    value: Value,
    options: SetOptions,
    operation = operationOf(options.operation),
  ): Promise<void> => {
    if (mode === undefined) return store(def.key.encode(id), id, value, options);
    if (options.ttl !== undefined || options.tags !== undefined)
      throw new SamovarError(
        'E_USAGE',
        `\`ttl\` and \`tags\` of a value of caches.${def.name} are what its definition says`,
        {
          hints: ['they can be given where a cache has no `mode`'],
        },
      );
    if (mode === 'write-behind') return buffered().set(id, value, operation);
    if (def.write === undefined) throw nothingToWriteWith(def);
    return mode === 'write-through' ? through(id, value) : write(id, value);
  };
  const set: Writer<Id, Value>['set'] = (id, value, options = {}) => put(id, value, options);

  const remove = async (id: Id, operation: Operation): Promise<void> => {
    if (mode === 'write-behind') return buffered().remove(id, operation);
    const key = def.key.encode(id);
    if (def.write === undefined) throw nothingToWriteWith(def);
    try {
      await originWrite({ key, id, value: undefined });
    } finally {
      await forget([key]);
    }
  };

  return {
    set,
    write: (id, value) => (mode === 'write-behind' ? set(id, value) : write(id, value)),

    async setMany(entries, options = {}) {
      const operation = commonOperation(entries.size, options.operation);
      const all = Array.from(entries, ([id, value]) => put(id, value, options, operation));
      for (const each of await Promise.allSettled(all)) if (each.status === 'rejected') throw each.reason;
    },

    async update(id, make, options = {}) {
      const operation = operationOf(options.operation);
      const change = (present: unknown) => make(present as Value | undefined);
      return (await buffered().update(id, change, operation)) as Value | undefined;
    },

    increment: async (id, by = 1, options = {}) =>
      buffered().increment(id, by, operationOf(options.operation)),

    async delete(ids, options = {}) {
      const all = Array.isArray(ids) ? (ids as readonly Id[]) : [ids as Id];
      if (mode === undefined) return forget(all.map((id) => def.key.encode(id)));
      const operation = commonOperation(all.length, options.operation);
      for (const each of await Promise.allSettled(all.map((id) => remove(id, operation))))
        if (each.status === 'rejected') throw each.reason;
    },
  };
}

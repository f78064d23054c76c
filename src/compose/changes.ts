import { createDoorbell } from '../change/doorbell.ts';
import { createDrain } from '../change/drain.ts';
import { type Change, createOutbox } from '../change/postgres.ts';
import type { Pool } from '../connect.ts';
import type { AnyCacheDef } from '../define.ts';
import { messageOf } from '../errors.ts';
import { configured } from './configured.ts';
import type { Ground } from './ground.ts';

/** What is to go of one cache. */
interface Going {
  isAll: boolean;
  readonly purge: Set<string>;
  readonly expire: Set<string>;
}

/** The key of an id in a row of the outbox. Throws where the text is no id of this cache. */
function keyOf({ key }: AnyCacheDef, text: string, form: Change['form']): string {
  if (form === 'key') return text;
  return key.encode(form === 'json' ? JSON.parse(text) : key.decode(text));
}

/** Carries rows of the outbox out on the caches. Fails where Redis does not accept it all: then nothing counts as done. */
export function createApply({ config, caches, producer, log }: Ground) {
  const defs = new Map(config.caches.map((def) => [def.name, def]));
  const warned = new Set<string>();
  const misfit = (cache: string, error: unknown): void => {
    if (warned.has(cache)) return;
    warned.add(cache);
    log.warn(
      { cache, reason: messageOf(error).split(',')[0] },
      'a changed row has an id that is none of this cache: all of it is forgotten, see `invalidateOn`',
    );
  };

  return async (changes: readonly Change[]): Promise<void> => {
    const going = new Map<string, Going>();
    const tags = { purge: new Set<string>(), expire: new Set<string>() };
    for (const change of changes) {
      for (const tag of change.tags) tags[change.mode].add(tag);
      for (const cache of change.caches) {
        const of: Going = going.get(cache) ?? { isAll: false, purge: new Set(), expire: new Set() };
        going.set(cache, of);
        const def = defs.get(cache);
        // A cache of another build: what its keys are is not known here.
        if (change.isAll || (def === undefined && change.ids.length > 0)) of.isAll = true;
        else {
          for (const text of change.ids) {
            try {
              of[change.mode].add(keyOf(def!, text, change.form));
            } catch (error) {
              misfit(cache, error);
              of.isAll = true;
              break;
            }
          }
        }
      }
    }
    for (const [cache, { isAll, purge, expire }] of going) {
      if (isAll) await caches.invalidate({ cache, all: true, isSure: true });
      else {
        if (expire.size > 0)
          await caches.invalidate({ cache, keys: [...expire], mode: 'expire', isSure: true });
        if (purge.size > 0) await caches.invalidate({ cache, keys: [...purge], isSure: true });
      }
    }
    for (const mode of ['expire', 'purge'] as const)
      if (tags[mode].size > 0) await caches.invalidate({ tags: [...tags[mode]], mode, isSure: true });
    for (const { rewarm, caches: names, ids: keys, tags: labels, isAll, mode } of changes) {
      if (!rewarm) continue;
      const add = (more: object) =>
        producer.enqueue(configured(config, 'invalidate'), { ...more, mode, rewarm, isDone: true });
      for (const cache of names.filter((name) => defs.has(name)))
        if (isAll || keys.length > 0) await add({ cache, ...(isAll ? { all: true } : { keys }) });
      if (labels.length > 0) await add({ tags: labels });
    }
  };
}

/** Empties the outbox in this process, from now on. */
export function watchChanges(ground: Ground, pool: Pool): { stop(): Promise<void> } {
  const { clock, events, log, connections } = ground;
  let quietUntil = 0;
  const drain = createDrain({
    outbox: createOutbox(pool),
    apply: createApply(ground),
    clock,
    events,
    onError(error) {
      if (clock.elapsed() < quietUntil) return;
      quietUntil = clock.elapsed() + 60_000;
      log.warn({ err: error }, 'changes wait in the outbox: they are carried out when they can be');
    },
  });
  const doorbell = createDoorbell({ open: connections.session, clock, onRing: drain.ring });
  return {
    async stop() {
      await doorbell.close();
      await drain.stop();
    },
  };
}

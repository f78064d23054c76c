import { z } from 'zod';
import { createListener } from '../change/listen.ts';
import { createEventStream, type EventBatch } from '../change/redis.ts';
import { openRedis } from '../connect.ts';
import type { InvalidateRequest } from '../facade.ts';
import type { Ground } from './ground.ts';
import { createSureCarrier } from './invalidating.ts';

/** What anybody may publish; documented in docs/application.md. */
const message = z.strictObject({
  cache: z.string().optional(),
  ids: z.array(z.unknown()).optional(),
  keys: z.array(z.string()).optional(),
  tags: z.array(z.string()).optional(),
  table: z.string().optional(),
  all: z.boolean().optional(),
  mode: z.enum(['purge', 'expire']).optional(),
  rewarm: z.boolean().optional(),
});

function readMessage(text: string | undefined): InvalidateRequest | undefined {
  try {
    return message.parse(JSON.parse(text ?? ''));
  } catch {
    return undefined;
  }
}

/** Carries out what others publish on the queue's Redis, from now on. */
export function watchEvents(ground: Ground): { stop(): Promise<void> } {
  const { config, clock, log, connections, caches, address } = ground;
  const carryOut = createSureCarrier(ground);
  let quietUntil = 0;
  const warn = (about: object, text: string): void => {
    if (clock.elapsed() < quietUntil) return;
    quietUntil = clock.elapsed() + 60_000;
    log.warn(about, text);
  };

  const one = async (text: string | undefined): Promise<void> => {
    const what = readMessage(text);
    if (what === undefined) return warn({}, 'a published invalidation is no message of that kind: skipped');
    const { cache } = what;
    const isKnown = typeof cache !== 'string' || config.caches.some(({ name }) => name === cache);
    try {
      if (isKnown) await carryOut(what);
      else await caches.invalidate({ cache: String(cache), all: true, isSure: true });
    } catch (error) {
      const { code } = error as { code?: string };
      // What can never be carried out must not be in the way of what can.
      if (code !== 'E_KEY' && code !== 'E_USAGE' && code !== 'E_UNKNOWN_JOB') throw error;
      warn({ err: error }, 'a published invalidation cannot be carried out: skipped');
    }
  };

  const apply = async ({ texts, isGap }: EventBatch): Promise<void> => {
    if (isGap) {
      log.warn({}, 'published invalidations have gone unread: all caches are forgotten');
      for (const { name } of config.caches) await caches.invalidate({ cache: name, all: true, isSure: true });
    }
    for (const text of texts) await one(text);
  };

  return createListener({
    stream: createEventStream(connections.queue, { prefix: config.prefix }),
    open: () => openRedis({ role: 'queue', ...address, use: 'blocking' }),
    apply,
    clock,
    onError: (error) =>
      warn({ err: error }, 'published invalidations wait: they are carried out when they can be'),
  });
}

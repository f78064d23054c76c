import { type Clock, deadline } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import { humanDuration } from '../duration.ts';
import { messageOf, SamovarError } from '../errors.ts';

export interface WriteParts {
  readonly def: AnyCacheDef;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Forgets what is stored, and every load under way. */
  forget(keys: readonly string[]): Promise<void>;
}

/**
 * Writes a value to the origin, then forgets the entry: a load that read the value before cannot be stored any more, and
 * the next reader gets what the origin made of it. Of two writers at once the origin decides, whoever is done last.
 */
export function createWrite({ def, clock, timeoutMs, forget }: WriteParts) {
  return async (id: unknown, value: unknown): Promise<void> => {
    const key = def.key.encode(id);
    if (typeof def.write !== 'function') {
      throw new SamovarError(
        'E_CONFIG',
        `\`caches.${def.name}\` has no \`write\`, so nothing can be written`,
        {
          hints: [`say how: write: async (entries) => { … }`],
        },
      );
    }
    if (value === undefined)
      throw new SamovarError('E_ENCODE', `undefined was to be written to caches.${def.name}`);
    const limit = deadline(clock, timeoutMs, () => timedOut(def, timeoutMs));
    try {
      await Promise.race([
        new Promise<never>((_, reject) => {
          limit.signal.addEventListener('abort', () => reject(limit.signal.reason), { once: true });
        }),
        Promise.resolve(def.write(new Map([[id, value]]), { signal: limit.signal })),
      ]);
    } catch (error) {
      throw error === limit.signal.reason ? error : failed(def, error);
    } finally {
      limit.done();
      // Also when it failed: nobody knows how far it came.
      await forget([key]);
    }
  };
}

const timedOut = (def: AnyCacheDef, ms: number): SamovarError =>
  new SamovarError('E_WRITE_FAILED', `\`caches.${def.name}.write\` did not end within ${humanDuration(ms)}`, {
    hints: [`make it faster, or raise \`timeout\` of origin ${def.origin.name}`],
  });

const failed = (def: AnyCacheDef, cause: unknown): SamovarError =>
  new SamovarError('E_WRITE_FAILED', `\`caches.${def.name}.write\` failed: ${messageOf(cause)}`, { cause });

import { type Clock, deadline } from '../clock.ts';
import type { AnyCacheDef } from '../define.ts';
import type { Dirty } from '../dirty/dirty.ts';
import type { Target, TargetRow } from '../dirty/target.ts';
import { humanDuration } from '../duration.ts';
import { isSamovarError, messageOf, SamovarError } from '../errors.ts';

/** One write on its way to the origin at once. */
export interface OriginWrite {
  readonly key: string;
  readonly id: unknown;
  /** Undefined = the id is to be deleted. */
  readonly value: unknown;
}

export interface OriginWriteParts {
  readonly def: AnyCacheDef;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Gives versions. @default none: a function is handed none, an upsert cannot be carried out */
  readonly dirty?: Pick<Dirty, 'version' | 'partitionOf'> | undefined;
  /** Opens where an upsert goes to; only processes that may reach Postgres have it. */
  readonly openTarget?: ((cache: string) => Promise<Target>) | undefined;
}

/** Writes one value to the origin, or deletes it there, and waits until it is done. E_WRITE_FAILED. */
export function createOriginWrite({ def, clock, timeoutMs, dirty, openTarget }: OriginWriteParts) {
  const carryOut = async ({ key, id, value }: OriginWrite, signal: AbortSignal): Promise<unknown> => {
    const { write } = def;
    if (write === undefined) throw nothingToWriteWith(def);
    const version = (await dirty?.version(def.name, key)) ?? 0;
    if (typeof write === 'function') {
      const versions = version === 0 ? {} : { versions: new Map([[id, version]]) };
      const deleted = value === undefined ? { deleted: [id] } : {};
      return write(new Map(value === undefined ? [] : [[id, value]]), { signal, ...versions, ...deleted });
    }
    if (dirty === undefined || openTarget === undefined) throw onlyInSamovar(def);
    const partition = dirty.partitionOf(key);
    const row: TargetRow = { partition, key, version, id, value, json: undefined };
    return (await openTarget(def.name)).write({ rows: [row], epochs: undefined, signal });
  };

  return async (write: OriginWrite): Promise<void> => {
    const limit = deadline(clock, timeoutMs, () => timedOut(def, timeoutMs));
    try {
      await Promise.race([limit.over, carryOut(write, limit.signal)]);
    } catch (error) {
      const isTold = limit.isReason(error) || (isSamovarError(error) && error.code !== 'E_SCHEMA');
      throw isTold ? error : failed(def, error);
    } finally {
      limit.done();
    }
  };
}

export const nothingToWriteWith = (def: AnyCacheDef): SamovarError =>
  new SamovarError('E_CONFIG', `\`caches.${def.name}\` has no \`write\`, so nothing can be written`, {
    hints: [`say how: write: async (entries) => { … }`],
  });

const onlyInSamovar = (def: AnyCacheDef): SamovarError =>
  new SamovarError('E_USAGE', `caches.${def.name} is written by \`upsert\`, which needs Postgres`, {
    hints: ['write in a process that has createSamovar, or buffer the writes: writeBehind: {}'],
  });

const timedOut = (def: AnyCacheDef, ms: number): SamovarError =>
  new SamovarError('E_WRITE_FAILED', `\`caches.${def.name}.write\` did not end within ${humanDuration(ms)}`, {
    hints: [`make it faster, or raise \`timeout\` of origin ${def.origin.name}`],
  });

const failed = (def: AnyCacheDef, cause: unknown): SamovarError =>
  new SamovarError('E_WRITE_FAILED', `\`caches.${def.name}.write\` failed: ${messageOf(cause)}`, { cause });

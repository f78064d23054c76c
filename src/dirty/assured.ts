import type { Clock } from '../clock.ts';
import { SamovarError } from '../errors.ts';
import type { BufferFacts, Dirty, Marks } from './dirty.ts';

/** What the acknowledgement of a cache's writes promises. */
export interface Promised {
  readonly cache: string;
  readonly isSynced: boolean;
  readonly replicas: number;
}

export interface AssuredOptions {
  readonly promised: readonly Promised[];
  /** Where the buffer is, for messages. */
  readonly from: string;
  readonly allowEvicting: boolean;
  readonly clock: Clock;
  /** Told when the server stops or begins to be what it must be. */
  onChange(error: SamovarError | undefined): void;
  /** Told when the server has another buffer than before: what was in that one is gone. */
  onEmptied(): void;
}

export interface Assured extends Dirty {
  /** Looks at the server now. Throws E_BUFFER, or E_BUFFER_UNAVAILABLE when it does not answer. */
  check(): Promise<BufferFacts>;
  /** Whether writes must ask the server that they are on its disk: it does not sync before each reply. */
  readonly mustWait: boolean;
}

/** How long what was seen of the server is believed. */
const believedMs = 4_000;
/** Share of the server's memory above which no key becomes dirty: what is left is for flushing, and for whoever shares it. */
const tightAt = 0.9;
const onlyDirtyOnes: Marks = { soft: 0, hard: 0 };

/** A buffer that takes writes only while its server can keep what an acknowledgement promises. */
export function assure(dirty: Dirty, options: AssuredOptions): Assured {
  const { promised, clock, onChange, onEmptied } = options;
  let known: string | undefined;
  let seenAt = Number.NEGATIVE_INFINITY;
  let wrong: SamovarError | undefined;
  let mustWait = false;
  let isTight = false;
  let checking: Promise<BufferFacts> | undefined;

  const look = async (): Promise<BufferFacts> => {
    const facts = await dirty.facts();
    if (!facts.isClustered) {
      const { id } = await dirty.open();
      if (known !== undefined && known !== id) onEmptied();
      known = id;
    }
    mustWait = facts.appendFsync !== 'always';
    // One that evicts makes room by itself; it is always full.
    isTight = facts.policy === 'noeviction' && (facts.fullness ?? 0) > tightAt;
    const found = unsafe(facts, options) ?? promised.map((each) => unkept(facts, each)).find(Boolean);
    if ((found === undefined) !== (wrong === undefined)) onChange(found);
    wrong = found;
    seenAt = clock.elapsed();
    if (found) throw found;
    return facts;
  };
  const check = (): Promise<BufferFacts> => {
    checking ??= look().finally(() => {
      checking = undefined;
    });
    return checking;
  };

  /** Undefined = go on. What was seen lately is enough, and is looked at again beside the writes. */
  const sure = (): Promise<unknown> | undefined => {
    if (clock.elapsed() - seenAt < believedMs) return wrong && Promise.reject(wrong);
    if (seenAt === Number.NEGATIVE_INFINITY || wrong) return check();
    seenAt = clock.elapsed();
    check().catch(() => {});
    return undefined;
  };

  return {
    ...dirty,
    check,
    get mustWait() {
      return mustWait;
    },
    write(cache, write, marks) {
      const asked = sure();
      const allowed = () => (isTight ? onlyDirtyOnes : marks);
      if (asked === undefined) return dirty.write(cache, write, allowed());
      return asked.then(() => dirty.write(cache, write, allowed()));
    },
    async add(cache, add) {
      await sure();
      return dirty.add(cache, add);
    },
  };
}

function unsafe(facts: BufferFacts, { from, allowEvicting }: AssuredOptions): SamovarError | undefined {
  if (facts.isClustered)
    return new SamovarError(
      'E_BUFFER',
      `the buffer Redis (${from}) is a node of a Redis Cluster: one command takes writes of several partitions, and they must be on one server`,
      { hints: ['name a Redis that is no Cluster by BUFFER_REDIS_URL; replicas of it are fine'] },
    );
  if (allowEvicting || facts.policy === undefined || !facts.policy.startsWith('allkeys')) return undefined;
  return new SamovarError(
    'E_BUFFER',
    `the buffer Redis (${from}) may delete writes that were acknowledged: its maxmemory-policy is ${facts.policy}`,
    {
      hints: [
        'best: a Redis of its own, named by BUFFER_REDIS_URL, with appendonly yes',
        'or: CONFIG SET maxmemory-policy noeviction (or volatile-lfu)',
        'or: allowEvictingBuffer: true in the configuration, if lost writes are acceptable',
      ],
    },
  );
}

function unkept(facts: BufferFacts, { cache, isSynced, replicas }: Promised): SamovarError | undefined {
  const asks = `\`caches.${cache}.writeBehind.acknowledge\` asks for what the buffer Redis cannot give:`;
  if (isSynced && facts.appendFsync !== 'always' && !(facts.appendOnly && hasWaitAof(facts.version)))
    return new SamovarError('E_BUFFER', `${asks} nothing tells when a write is on its disk`, {
      hints: [
        'CONFIG SET appendonly yes and CONFIG SET appendfsync always, or Redis 7.2 with appendonly yes',
      ],
    });
  if (replicas > (facts.replicas ?? 0))
    return new SamovarError('E_BUFFER', `${asks} it has ${facts.replicas ?? 0} replicas, not ${replicas}`, {
      hints: ['connect replicas, or lower what is asked for'],
    });
  return undefined;
}

/** Whether it can be asked if a write is on its disk. */
export function hasWaitAof(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 7 || (major === 7 && minor >= 2);
}

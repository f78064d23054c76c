import { nextTurn } from '../clock.ts';
import { newToken } from '../lease/lease.ts';
import type { Form } from '../store/codec.ts';
import { type Begun, isStoreError } from '../store/store.ts';
import type { Judgement } from './judge.ts';
import type { LandingParts } from './landing.ts';
import type { MissParts } from './miss.ts';

/** A key whose lease is asked for. */
export interface Asking {
  readonly key: string;
  /** The beginning of an entry that is of no use. */
  readonly past: Buffer | undefined;
  /** The clock's `elapsed` when its reader first asked the store. */
  readonly askedAt: number;
}

/**
 * What became of a lease: own, somebody else's, held off. An entry that has come meanwhile is a value, or, where it cannot
 * be used, its bytes.
 */
export type Got = Exclude<Begun, Buffer> | { readonly form: Form | undefined } | Buffer;

/** The leases of one tick. */
export interface Taken {
  readonly token: string;
  /** The tag clock before anything is loaded under them. */
  readonly seq: number;
  readonly got: readonly Got[];
}

/** Keys whose leases are asked for together with those of others, and where theirs are among them. */
export interface Taking {
  readonly from: number;
  /** Rejects as the store does; what was taken is given back then. */
  readonly taken: Promise<Taken>;
}

/** Before a lease is asked for: nothing; the key was waited for; and was said to be written. */
export type Since = 'start' | 'wait' | 'written';

/** `ms` is how long the leases are to last. */
export type Take = (asking: readonly Asking[], ms: number, since: Since) => Taking;

interface Keys {
  readonly keys: readonly string[];
  /** By position. */
  readonly past: readonly (Buffer | undefined)[];
  readonly ms: number;
}

interface Lot extends Keys {
  readonly keys: string[];
  readonly past: (Buffer | undefined)[];
  ms: number;
  /** Of the one who has waited longest. */
  askedAt: number;
  readonly taken: Promise<Taken>;
}

type Parts = Pick<MissParts, 'tags' | 'judge' | 'bus' | 'patience'> &
  Pick<LandingParts, 'def' | 'settings' | 'store' | 'reader'>;

/**
 * Asks for the leases of one tick (of a turn, where they were waited for) in one command; what is loaded under them is each asker's own affair. Those who have waited
 * for a key ask apart from those who come with it: the patience of these may be at its end.
 */
export function createTake(
  { def, settings, store, tags, judge, reader, bus, patience }: Parts,
  storeFailed: (error: unknown) => void,
): Take {
  const cache = def.name;
  const open = new Map<Since, Lot>();

  const formOf = async (bytes: Buffer, judged: Judgement | undefined): Promise<Got> => {
    if (judged !== 'alive') return bytes;
    try {
      return { form: await reader.formOf(bytes) };
    } catch {
      return bytes; // counted when a reader met it
    }
  };

  /** Most often there is nothing to judge. */
  const gotOf = async (begun: readonly Begun[]): Promise<readonly Got[]> => {
    if (begun.every(isWord)) return begun;
    const judged = await judge.many(begun.map((each) => (isWord(each) ? undefined : each)));
    return Promise.all(begun.map((each, i) => (isWord(each) ? each : formOf(each, judged[i]))));
  };

  const begin = ({ keys, past, ms }: Keys, token: string): Promise<Begun[]> => {
    const waits = bus !== undefined;
    const hasPast = past.some((each) => each !== undefined);
    return store.begin(cache, keys, { token, ms }, { want: 'value', waits, ...(hasPast ? { past } : {}) });
  };

  /** What is said to be there is read, which is the least for a server that many ask; leases are for what is not. */
  const look = async ({ keys, past, ms }: Keys, token: string): Promise<Begun[]> => {
    const begun: (Begun | undefined)[] = await store.getMany(cache, keys);
    const rest = keys.map((_, i) => i).filter((i) => begun[i] === undefined || isPast(begun[i], past[i]));
    if (rest.length > 0) {
      const asked = { keys: rest.map((i) => keys[i]!), past: rest.map((i) => past[i]), ms };
      const told = await begin(asked, token);
      rest.forEach((position, i) => {
        begun[position] = told[i]!;
      });
    }
    return begun as Begun[];
  };

  const ask = async (lot: Lot, since: Since): Promise<Taken> => {
    const token = newToken();
    const asking = async (): Promise<Taken> => {
      const begins = since === 'written' ? look(lot, token) : begin(lot, token);
      const [seq, begun] = settings.isTagged ? await Promise.all([tags.seq(), begins]) : [0, await begins];
      return { token, seq, got: await gotOf(begun) };
    };
    try {
      return await patience(asking(), lot.askedAt);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      storeFailed(error);
      // What was not answered in time may still be done: leases taken then are given back behind it.
      void store.abort(cache, lot.keys, token).catch(storeFailed);
      throw error;
    }
  };

  const openLot = (since: Since): Lot => {
    const lot: Lot = {
      keys: [],
      past: [],
      ms: 0,
      askedAt: Number.POSITIVE_INFINITY,
      taken: new Promise((resolve) => {
        const go = (): void => {
          open.delete(since);
          resolve(ask(lot, since));
        };
        // Those who look again by themselves are woken by a timer each.
        if (since === 'wait') void nextTurn().then(go);
        else process.nextTick(go);
      }),
    };
    open.set(since, lot);
    return lot;
  };

  return (asking, ms, since) => {
    const lot = open.get(since) ?? openLot(since);
    const from = lot.keys.length;
    for (const { key, past, askedAt } of asking) {
      lot.keys.push(key);
      lot.past.push(past);
      lot.askedAt = Math.min(lot.askedAt, askedAt);
    }
    lot.ms = Math.max(lot.ms, ms);
    return { from, taken: lot.taken };
  };
}

const isWord = (begun: Begun): begun is Exclude<Begun, Buffer> => typeof begun === 'string';

const isPast = (found: Begun | undefined, past: Buffer | undefined): boolean =>
  past !== undefined && Buffer.isBuffer(found) && found.subarray(0, past.length).equals(past);

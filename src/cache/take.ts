import { newToken } from '../lease/lease.ts';
import type { Form } from '../store/codec.ts';
import { type Begun, isStoreError } from '../store/store.ts';
import { formOf, type Reader } from './form.ts';
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

/** `ms` is how long the leases are to last; `isAgain`: the keys were waited for. */
export type Take = (asking: readonly Asking[], ms: number, isAgain: boolean) => Taking;

interface Lot {
  readonly keys: string[];
  readonly past: (Buffer | undefined)[];
  hasPast: boolean;
  ms: number;
  /** Of the one who has waited longest. */
  askedAt: number;
  readonly taken: Promise<Taken>;
}

type Parts = Pick<MissParts, 'tags' | 'judge' | 'bus' | 'patience'> &
  Pick<LandingParts, 'def' | 'settings' | 'store' | 'reader'>;

/**
 * Asks for the leases of one tick in one command; what is loaded under them is each asker's own affair. Those who have waited
 * for a key ask apart from those who come with it: the patience of these may be at its end.
 */
export function createTake(
  { def, settings, store, tags, judge, reader, bus, patience }: Parts,
  storeFailed: (error: unknown) => void,
): Take {
  const cache = def.name;
  const waits = bus !== undefined;
  const open: { first: Lot | undefined; again: Lot | undefined } = { first: undefined, again: undefined };

  /** Most often there is nothing to judge. */
  const gotOf = async (begun: readonly Begun[]): Promise<readonly Got[]> => {
    if (begun.every(isWord)) return begun;
    const judged = await judge.many(begun.map((each) => (isWord(each) ? undefined : each)));
    return Promise.all(
      begun.map(async (each, i): Promise<Got> => {
        if (isWord(each)) return each;
        return judged[i] === 'alive' && (await isReadable(reader, each)) ? { form: formOf(each) } : each;
      }),
    );
  };

  const ask = async ({ keys, past, hasPast, ms, askedAt }: Lot): Promise<Taken> => {
    const token = newToken();
    const options = { want: 'value', waits, ...(hasPast ? { past } : {}) } as const;
    const asking = async (): Promise<Taken> => {
      const begin = store.begin(cache, keys, { token, ms }, options);
      const [seq, begun] = settings.isTagged ? await Promise.all([tags.seq(), begin]) : [0, await begin];
      return { token, seq, got: await gotOf(begun) };
    };
    try {
      return await patience(asking(), askedAt);
    } catch (error) {
      if (!isStoreError(error)) throw error;
      storeFailed(error);
      // What was not answered in time may still be done: leases taken then are given back behind it.
      void store.abort(cache, keys, token).catch(storeFailed);
      throw error;
    }
  };

  const openLot = (which: keyof typeof open): Lot => {
    const lot: Lot = {
      keys: [],
      past: [],
      hasPast: false,
      ms: 0,
      askedAt: Number.POSITIVE_INFINITY,
      taken: new Promise((resolve) => {
        process.nextTick(() => {
          open[which] = undefined;
          resolve(ask(lot));
        });
      }),
    };
    return lot;
  };

  return (asking, ms, isAgain) => {
    const which = isAgain ? 'again' : 'first';
    open[which] ??= openLot(which);
    const lot = open[which];
    const from = lot.keys.length;
    for (const { key, past, askedAt } of asking) {
      lot.keys.push(key);
      lot.past.push(past);
      lot.hasPast ||= past !== undefined;
      lot.askedAt = Math.min(lot.askedAt, askedAt);
    }
    lot.ms = Math.max(lot.ms, ms);
    return { from, taken: lot.taken };
  };
}

const isWord = (begun: Begun): begun is Exclude<Begun, Buffer> => typeof begun === 'string';

async function isReadable(reader: Reader, bytes: Buffer): Promise<boolean> {
  try {
    await reader.fromEntry(bytes);
    return true;
  } catch {
    return false; // counted when a reader met it
  }
}

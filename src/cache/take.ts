import { nextTurn } from '../clock.ts';
import { newToken } from '../lease/lease.ts';
import type { Form } from '../store/codec.ts';
import { type Begun, isStoreError } from '../store/store.ts';
import type { Judgement } from './judge.ts';
import type { MissParts } from './miss.ts';

/** A key whose lease is asked for. */
interface Asking {
  readonly key: string;
  /** The beginning of an entry that is of no use. */
  readonly past: Buffer | undefined;
  /** The clock's `elapsed` when its reader first asked the store. */
  readonly askedAt: number;
}

/**
 * What became of a key: its lease is own, somebody else's, held off; an entry was there, a value or, where it cannot be used,
 * its bytes; or there was none, and nobody asked for the lease.
 */
type Got = Exclude<Begun, Buffer> | { readonly form: Form | undefined } | Buffer | 'absent';

export interface Taken {
  readonly token: string;
  /** The tag clock before anything is loaded under the leases. */
  readonly seq: number;
  /** By position of the keys. */
  readonly got: readonly Got[];
}

/** Before this question: nothing; the key was waited for; and was said to be written. */
export type Since = 'start' | 'wait' | 'written';

/** `ms` is how long the leases are to last. Rejects as the store does; what was taken is given back then. */
type Take = (asking: readonly Asking[], ms: number, since: Since) => Promise<Taken>;

/** What is asked for in one command. */
interface Lot {
  readonly since: Since;
  readonly token: string;
  readonly keys: string[];
  readonly past: (Buffer | undefined)[];
  ms: number;
  readonly told: Promise<Told>;
  /** Why there is no answer: it is dealt with for all of the lot. */
  failure: unknown;
}

/** By position of a lot's keys. */
interface Told {
  readonly seq: number;
  readonly begun: readonly (Begun | undefined)[];
  /** Of the entries. */
  readonly judged: readonly (Judgement | undefined)[];
}

type Parts = Pick<MissParts, 'def' | 'settings' | 'store' | 'tags' | 'judge' | 'reader' | 'bus' | 'patience'>;

/**
 * Asks for the leases of one tick (of a turn, where they were waited for) in one command. How long one waits for the answer,
 * what is read of it and what is loaded is each asker's own affair.
 */
export function createTake(
  { def, settings, store, tags, judge, reader, bus, patience }: Parts,
  storeFailed: (error: unknown) => void,
): Take {
  const cache = def.name;
  const open = new Map<Since, Lot>();

  const begin = ({ keys, past, ms, token }: Lot): Promise<Begun[]> => {
    const waits = bus !== undefined;
    const hasPast = past.some((each) => each !== undefined);
    return store.begin(cache, keys, { token, ms }, { want: 'value', waits, ...(hasPast ? { past } : {}) });
  };

  /** What is said to be there is read, which is the least for a server that many ask. */
  const look = async ({ keys, past }: Lot): Promise<(Buffer | undefined)[]> => {
    const found = await store.getMany(cache, keys);
    return found.map((bytes, i) => (isPast(bytes, past[i]) ? undefined : bytes));
  };

  const answer = async (lot: Lot): Promise<Told> => {
    if (lot.since === 'written') {
      const begun = await look(lot);
      return { seq: 0, begun, judged: await judge.many(begun) };
    }
    const [seq, begun] = settings.isTagged
      ? await Promise.all([tags.seq(), begin(lot)])
      : [0, await begin(lot)];
    // Most often there is nothing to judge.
    const isEntry = begun.some((each) => typeof each === 'object');
    return { seq, begun, judged: isEntry ? await judge.many(begun.map(entryIn)) : none };
  };

  const failed = (error: unknown, keys: readonly string[], { since, token }: Lot): void => {
    if (!isStoreError(error)) return;
    storeFailed(error);
    // What was not answered in time may still be done: leases taken then are given back behind it.
    if (since !== 'written') void store.abort(cache, keys, token).catch(storeFailed);
  };

  const ask = async (lot: Lot): Promise<Told> => {
    open.delete(lot.since);
    try {
      return await answer(lot);
    } catch (error) {
      lot.failure = error;
      failed(error, lot.keys, lot);
      throw error;
    }
  };

  const openLot = (since: Since): Lot => {
    const told = new Promise<Told>((resolve) => {
      // Those who look again by themselves are woken by a timer each.
      if (since === 'wait') void nextTurn().then(() => resolve(ask(lot)));
      else process.nextTick(() => resolve(ask(lot)));
    });
    const lot: Lot = { since, token: newToken(), keys: [], past: [], ms: 0, told, failure: undefined };
    open.set(since, lot);
    return lot;
  };

  const gotOf = (
    bytes: Buffer,
    judged: Judgement | undefined,
  ): Extract<Got, object> | Promise<Extract<Got, object>> => {
    if (judged !== 'alive') return bytes;
    try {
      const form = reader.formOf(bytes);
      // Why it cannot be read is counted when a reader meets it.
      return form instanceof Promise
        ? form.then(
            (form) => ({ form }),
            () => bytes,
          )
        : { form };
    } catch {
      return bytes;
    }
  };

  return async (asking, ms, since) => {
    const lot = open.get(since) ?? openLot(since);
    const from = lot.keys.length;
    for (const { key, past } of asking) {
      lot.keys.push(key);
      lot.past.push(past);
    }
    lot.ms = Math.max(lot.ms, ms);
    let told: Told;
    try {
      told = await patience(lot.told, Math.min(...asking.map(({ askedAt }) => askedAt)));
    } catch (error) {
      const keys = asking.map(({ key }) => key);
      if (error !== lot.failure) failed(error, keys, lot);
      throw error;
    }
    const got: Got[] = [];
    for (let i = from; i < from + asking.length; i++) {
      const begun = told.begun[i] ?? 'absent';
      const each = typeof begun === 'string' ? begun : gotOf(begun, told.judged[i]);
      got.push(each instanceof Promise ? await each : each);
    }
    return { token: lot.token, seq: told.seq, got };
  };
}

const none: readonly undefined[] = [];

const entryIn = (begun: Begun): Buffer | undefined => (typeof begun === 'object' ? begun : undefined);

const isPast = (bytes: Buffer | undefined, past: Buffer | undefined): boolean =>
  bytes !== undefined && past !== undefined && bytes.subarray(0, past.length).equals(past);

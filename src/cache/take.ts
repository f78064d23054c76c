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
interface Question {
  readonly since: Since;
  readonly token: string;
  readonly keys: string[];
  readonly past: (Buffer | undefined)[];
  ms: number;
  readonly answer: Promise<Answer>;
  /** Why there is no answer: it is dealt with for all who ask. */
  failure: unknown;
  /** Keys of those whose patience has just ended. */
  readonly left: string[];
  isFailureTold: boolean;
}

/** By position of the keys. */
interface Answer {
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
  const open = new Map<Since, Question>();

  const begin = ({ keys, past, ms, token }: Question): Promise<Begun[]> => {
    const waits = bus !== undefined;
    const hasPast = past.some((each) => each !== undefined);
    return store.begin(cache, keys, { token, ms }, { want: 'value', waits, ...(hasPast ? { past } : {}) });
  };

  /** What is said to be there is read, which is the least for a server that many ask. */
  const look = async ({ keys, past }: Question): Promise<(Buffer | undefined)[]> => {
    const found = await store.getMany(cache, keys);
    return found.map((bytes, i) => (isPast(bytes, past[i]) ? undefined : bytes));
  };

  const answered = async (question: Question): Promise<Answer> => {
    if (question.since === 'written') {
      const begun = await look(question);
      return { seq: 0, begun, judged: await judge.many(begun) };
    }
    const [seq, begun] = settings.isTagged
      ? await Promise.all([tags.seq(), begin(question)])
      : [0, await begin(question)];
    // Most often there is nothing to judge.
    const isEntry = begun.some((each) => typeof each === 'object');
    return { seq, begun, judged: isEntry ? await judge.many(begun.map(entryIn)) : none };
  };

  const tell = (error: unknown, question: Question): void => {
    if (!question.isFailureTold) storeFailed(error);
    question.isFailureTold = true;
  };

  /** What was not answered in time may still be done: leases taken then are given back behind it. */
  const giveBack = (keys: readonly string[], { since, token }: Question): void => {
    if (since !== 'written') void store.abort(cache, keys, token).catch(storeFailed);
  };

  /** Those whose patience ends in one turn, which is nearly all of a tick, give back together. */
  const leave = (error: unknown, asking: readonly Asking[], question: Question): void => {
    tell(error, question);
    if (question.left.length === 0) void nextTurn().then(() => giveBack(question.left.splice(0), question));
    for (const { key } of asking) question.left.push(key);
  };

  const ask = async (question: Question): Promise<Answer> => {
    open.delete(question.since);
    try {
      return await answered(question);
    } catch (error) {
      question.failure = error;
      if (isStoreError(error)) {
        tell(error, question);
        giveBack(question.keys, question);
      }
      throw error;
    }
  };

  const openQuestion = (since: Since): Question => {
    const answer = new Promise<Answer>((resolve) => {
      // Those who look again by themselves are woken by a timer each.
      if (since === 'wait') void nextTurn().then(() => resolve(ask(question)));
      else process.nextTick(() => resolve(ask(question)));
    });
    const question: Question = {
      since,
      token: newToken(),
      keys: [],
      past: [],
      ms: 0,
      answer,
      failure: undefined,
      left: [],
      isFailureTold: false,
    };
    open.set(since, question);
    return question;
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
    const question = open.get(since) ?? openQuestion(since);
    const from = question.keys.length;
    for (const { key, past } of asking) {
      question.keys.push(key);
      question.past.push(past);
    }
    question.ms = Math.max(question.ms, ms);
    let answer: Answer;
    try {
      answer = await patience(question.answer, oldest(asking));
    } catch (error) {
      if (error !== question.failure && isStoreError(error)) leave(error, asking, question);
      throw error;
    }
    const got: (Got | Promise<Got>)[] = [];
    for (let i = from; i < from + asking.length; i++) {
      const begun = answer.begun[i] ?? 'absent';
      got.push(typeof begun === 'string' ? begun : gotOf(begun, answer.judged[i]));
    }
    const isLater = got.some((each) => each instanceof Promise);
    const { token } = question;
    return { token, seq: answer.seq, got: isLater ? await Promise.all(got) : (got as Got[]) };
  };
}

const none: readonly undefined[] = [];

const oldest = (asking: readonly Asking[]): number =>
  asking.reduce((least, { askedAt }) => Math.min(least, askedAt), Number.POSITIVE_INFINITY);

const entryIn = (begun: Begun): Buffer | undefined => (typeof begun === 'object' ? begun : undefined);

const isPast = (bytes: Buffer | undefined, past: Buffer | undefined): boolean =>
  bytes !== undefined && past !== undefined && bytes.subarray(0, past.length).equals(past);

import { channel } from 'node:diagnostics_channel';
import type { Command, Redis } from 'ioredis';
import { nextTurn, systemClock, type Timer } from '../clock.ts';

/** Told once: the reply of a command as the client decodes it, texts as bytes, or why there is none. */
export type Answered = (reply: unknown, error?: Error) => void;

const traces = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) =>
  channel(`tracing:ioredis:command:${name}`),
);
const isWatched = (): boolean => traces.some(({ hasSubscribers }) => hasSubscribers);

/**
 * What the client needs of a command to send it and to know its reply. Its own kind makes an object, a promise, a timer
 * and some copies of each, which costs a reader more than everything else on the way.
 */
class Question {
  readonly args: readonly string[] = [];
  readonly name: string;
  readonly inTransaction = false;
  /** True = the client leaves it alone: on older Node it takes whoever might trace for somebody who does. */
  isTraced = !isWatched();
  isResolved = false;
  isSettled = false;
  /** `elapsed` at which its time is over; 0 = it has as long as it takes. */
  until = 0;
  readonly #text: string;
  readonly #answered: Answered;
  readonly #open: Open;
  #traced: { readonly promise: Promise<void>; end(error?: Error): void } | undefined;

  constructor(name: string, text: string, answered: Answered, open: Open) {
    this.name = name;
    this.#text = text;
    this.#answered = answered;
    this.#open = open;
  }

  /** Only for who traces commands. */
  get promise(): Promise<void> | undefined {
    if (!isWatched() || this.isSettled) return undefined;
    if (this.#traced === undefined) {
      let end!: (error?: Error) => void;
      const promise = new Promise<void>((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve());
      });
      promise.catch(() => {}); // who asked is told otherwise
      this.#traced = { promise, end };
    }
    return this.#traced.promise;
  }

  toWritable(): string {
    return this.#text;
  }
  setReplyContext(): void {}
  getKeys(): readonly string[] {
    return this.args;
  }
  extractBlockingTimeout(): undefined {}
  setBlockingTimeout(): void {}
  /** The client calls it `setTimeout`. */
  limit(ms: number): void {
    if (this.until === 0) this.#open.add(this, ms);
  }

  resolve(reply: unknown): void {
    if (this.isSettled) return;
    this.isResolved = true;
    this.#settle(reply);
  }
  reject(error: Error): void {
    if (!this.isSettled) this.#settle(undefined, error);
  }
  #settle(reply: unknown, error?: Error): void {
    this.isSettled = true;
    if (this.until !== 0) this.#open.settled();
    this.#traced?.end(error);
    this.#answered(reply, error);
  }
}

Object.assign(Question.prototype, { setTimeout: Question.prototype.limit });

/**
 * Questions that have a limit of time, oldest first, and one timer for all of them. A list, and no set: a set that has
 * outgrown its table leads from the old table, with all that was in it, to the new one, and what is old to the garbage
 * collector keeps all that it leads to.
 */
class Open {
  readonly #all: (Question | undefined)[] = [];
  /** Where the oldest that is open stands. */
  #first = 0;
  #timer: Timer | undefined;

  add(question: Question, ms: number): void {
    question.until = systemClock.elapsed() + ms;
    this.#all.push(question);
    this.#timer ??= systemClock.every(ms, this.#look);
  }
  /** Lets go of those that are settled: nearly always the oldest, as replies come in the order of the questions. */
  settled(): void {
    const all = this.#all;
    while (this.#first < all.length && all[this.#first]!.isSettled) all[this.#first++] = undefined;
    if (this.#first >= mostSettled) {
      all.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.isOver) this.rest();
  }
  /** True once nothing more can be asked. */
  isOver = false;
  /** Leaves no timer behind where nothing is open. */
  rest(): void {
    if (this.#all.length > this.#first) return;
    this.#timer?.stop();
    this.#timer = undefined;
  }
  readonly #look = async (): Promise<void> => {
    const timer = this.#timer!;
    timer.stop();
    const now = systemClock.elapsed();
    // A process that stood still finds its timers first, and only then the answers of that time.
    await nextTurn();
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    for (const question of this.#all.slice(this.#first) as Question[]) {
      if (question.isSettled) continue;
      if (question.until > now) {
        this.#timer = systemClock.every(Math.ceil(question.until - now), this.#look);
        return;
      }
      // As the client says it.
      question.reject(new Error('Command timed out'));
    }
  };
}

/** So many places are given up at once. */
const mostSettled = 64;

/** Sends commands that are written already, past what the client does for each of its own. */
export function createAsk(redis: Redis): (name: string, text: string, answered: Answered) => void {
  const open = new Open();
  redis.on('ready', () => {
    open.isOver = false;
  });
  redis.on('close', () => {
    open.isOver = true;
    open.rest();
  });
  return (name, text, answered) => {
    void redis.sendCommand(new Question(name, text, answered, open) as unknown as Command);
  };
}

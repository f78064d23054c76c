import { channel } from 'node:diagnostics_channel';
import type { Command, Redis } from 'ioredis';
import { type Open, OpenQuestions } from './open-questions.ts';

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
class Question implements Open {
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
  readonly #open: OpenQuestions;
  #traced: { readonly promise: Promise<void>; end(error?: Error): void } | undefined;

  constructor(name: string, text: string, answered: Answered, open: OpenQuestions) {
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

/** Sends commands that are written already, past what the client does for each of its own. */
export function createAsk(redis: Redis): (name: string, text: string, answered: Answered) => void {
  const open = new OpenQuestions();
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

import type { Command, Redis } from 'ioredis';
import { nextTurn, systemClock, type Timer } from '../clock.ts';

/** Told once: the reply of a command as the client decodes it, texts as bytes, or why there is none. */
export type Answered = (reply: unknown, error?: Error) => void;

/**
 * What the client needs of a command to send it and to know its reply. Its own kind makes an object, a promise, a timer
 * and some copies of each, which costs a reader more than everything else on the way.
 */
class Question {
  readonly args: readonly string[] = [];
  readonly name: string;
  readonly inTransaction = false;
  isTraced = false;
  isResolved = false;
  isSettled = false;
  /** `elapsed` at which its time is over; 0 = it has as long as it takes. */
  until = 0;
  readonly #bytes: Buffer;
  readonly #answered: Answered;
  readonly #open: Open;
  #traced: { readonly promise: Promise<void>; end(error?: Error): void } | undefined;

  constructor(name: string, bytes: Buffer, answered: Answered, open: Open) {
    this.name = name;
    this.#bytes = bytes;
    this.#answered = answered;
    this.#open = open;
  }

  /** Only for who traces commands. */
  get promise(): Promise<void> | undefined {
    if (!this.isTraced || this.isSettled) return undefined;
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

  toWritable(): Buffer {
    return this.#bytes;
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
    if (this.until !== 0) this.#open.delete(this);
    this.#traced?.end(error);
    this.#answered(reply, error);
  }
}

Object.assign(Question.prototype, { setTimeout: Question.prototype.limit });

/** Questions that have a limit of time, oldest first, and one timer for all of them. */
class Open {
  readonly #all = new Set<Question>();
  #timer: Timer | undefined;

  add(question: Question, ms: number): void {
    question.until = systemClock.elapsed() + ms;
    this.#all.add(question);
    this.#timer ??= systemClock.every(ms, this.#look);
  }
  delete(question: Question): void {
    this.#all.delete(question);
    if (this.isOver) this.rest();
  }
  /** True once nothing more can be asked. */
  isOver = false;
  /** Leaves no timer behind where nothing is open. */
  rest(): void {
    if (this.#all.size > 0) return;
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
    for (const question of this.#all) {
      if (question.until > now) {
        this.#timer = systemClock.every(Math.ceil(question.until - now), this.#look);
        return;
      }
      // As the client says it.
      question.reject(new Error('Command timed out'));
    }
  };
}

/** Sends commands whose bytes are written already, past what the client does for each of its own. */
export function createAsk(redis: Redis): (name: string, bytes: Buffer, answered: Answered) => void {
  const open = new Open();
  redis.on('ready', () => {
    open.isOver = false;
  });
  redis.on('close', () => {
    open.isOver = true;
    open.rest();
  });
  return (name, bytes, answered) => {
    void redis.sendCommand(new Question(name, bytes, answered, open) as unknown as Command);
  };
}

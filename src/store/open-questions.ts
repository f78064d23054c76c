import { nextTurn, systemClock, type Timer } from '../clock.ts';

/** What waits for a reply, and no longer than its time. */
export interface Open {
  readonly isSettled: boolean;
  /** `elapsed` at which its time is over. */
  until: number;
  reject(error: Error): void;
}

/** So many places at least are given up at once. */
const fewestPlaces = 64;

/**
 * Questions that have a limit of time, oldest first, and one timer for all of them. A list, and no set: a set that has
 * outgrown its table leads from the old table, with all that was in it, to the new one, and what is old to the garbage
 * collector keeps all that it leads to.
 */
export class OpenQuestions {
  readonly #all: (Open | undefined)[] = [];
  /** Where the oldest that is open stands. */
  #first = 0;
  #timer: Timer | undefined;
  /** True once nothing more can be asked. */
  isOver = false;

  add(question: Open, ms: number): void {
    question.until = systemClock.elapsed() + ms;
    this.#all.push(question);
    this.#timer ??= systemClock.every(ms, this.#look);
  }

  /** Lets go of those that are settled: nearly always the oldest, as replies come in the order of the questions. */
  settled(): void {
    const all = this.#all;
    while (this.#first < all.length && all[this.#first]!.isSettled) all[this.#first++] = undefined;
    if (this.#first >= fewestPlaces) {
      all.splice(0, this.#first);
      this.#first = 0;
    }
    if (this.isOver) this.rest();
  }

  /** Leaves no timer behind where nothing is open. */
  rest(): void {
    if (this.#all.length > this.#first) return;
    this.#timer?.stop();
    this.#timer = undefined;
  }

  /** Places that are held, those of settled ones included. */
  get places(): number {
    return this.#all.length;
  }

  readonly #look = async (): Promise<void> => {
    const timer = this.#timer!;
    timer.stop();
    const now = systemClock.elapsed();
    // A process that stood still finds its timers first, and only then the answers of that time.
    await nextTurn();
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    for (const question of this.#all.slice(this.#first) as Open[]) {
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

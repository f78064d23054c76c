import { nextTurn } from '../clock.ts';

type Found = Buffer | undefined;
/** By position of the keys; without it, why. */
export type Told = (found: readonly Found[] | undefined, error?: unknown) => void;

/** Most keys in one command, so that the server is never kept from others for long. */
const mostKeys = 128;

/** So many answers at least are handed out in one go, where there are more. */
const fewestAtOnce = 8;

/** What one command asks for, each key once, and the answers that are waited for. */
interface Round {
  readonly keys: string[];
  readonly resolves: ((found: Found) => void)[];
  readonly rejects: ((error: unknown) => void)[];
  first: Promise<Found> | undefined;
  /** Made when there is a second key. */
  answers: Map<string, Promise<Found>> | undefined;
}

const newRound = (): Round => ({
  keys: [],
  resolves: [],
  rejects: [],
  first: undefined,
  answers: undefined,
});

/**
 * Makes one command of the reads of a tick. While nothing is on its way a read waits for the current tick only; else
 * for the next turn of the event loop, in which more of them come together.
 */
export function createGather(send: (keys: string[], told: Told) => void): (key: string) => Promise<Found> {
  let round = newRound();
  let inFlight = 0;

  const ask = ({ keys, resolves, rejects }: Round): void => {
    inFlight += 1;
    send(keys, (found, error) => {
      inFlight -= 1;
      if (found === undefined) for (const reject of rejects) reject(error);
      else hand(resolves, found, 0);
    });
  };

  /**
   * Half of the answers, and the rest when the first have led to what they lead to: the server carries out the next reads
   * of those while the others are being used here. All at once, one of the two would always wait for the other.
   */
  const hand = (
    resolves: readonly ((found: Found) => void)[],
    found: readonly Found[],
    from: number,
  ): void => {
    const { length } = resolves;
    const part = Math.max(fewestAtOnce, Math.ceil(length / 2));
    const to = length - from < 2 * fewestAtOnce ? length : Math.min(length, from + part);
    for (let i = from; i < to; i++) resolves[i]!(found[i]);
    if (to === length) return;
    const rest = (): void => hand(resolves, found, to);
    // A tick that is asked for within the microtasks comes after all of them.
    queueMicrotask(() => process.nextTick(rest));
  };

  const flush = (): void => {
    const full = round;
    if (full.keys.length === 0) return;
    round = newRound();
    ask(full);
  };

  const enter = (resolve: (found: Found) => void, reject: (error: unknown) => void): void => {
    round.resolves.push(resolve);
    round.rejects.push(reject);
  };

  return (key) => {
    const { keys } = round;
    const known = keys[0] === key ? round.first : round.answers?.get(key);
    if (known !== undefined) return known;
    const answer = new Promise(enter);
    if (keys.push(key) === 1) {
      round.first = answer;
      if (inFlight === 0) process.nextTick(flush);
      else void nextTurn().then(flush);
      return answer;
    }
    round.answers ??= new Map();
    round.answers.set(key, answer);
    if (keys.length === mostKeys) flush();
    return answer;
  };
}

import { nextTurn } from '../clock.ts';
import type { Asked } from './store.ts';

type Found = Buffer | undefined;
/** By position of the keys; without it, why. */
export type Told = (found: readonly Found[] | undefined, error?: unknown) => void;

/** Most keys in one command, so that the server is never kept from others for long. */
const mostKeys = 128;

/** Half of the answers are handed out first where that is so many at least. */
const fewestAtOnce = 8;

/** What one command asks for, each key once, and the answers that are waited for. */
interface Round {
  readonly keys: string[];
  readonly halves: [even: Half | undefined, odd: Half | undefined];
  first: Asked | undefined;
  /** Made when there is a second key. */
  asked: Map<string, Asked> | undefined;
}

/** All that is found is told to the askers of every second key. */
interface Half {
  readonly found: Promise<readonly Found[]>;
  tell(found: readonly Found[]): void;
  fail(error: unknown): void;
}

const newRound = (): Round => ({
  keys: [],
  halves: [undefined, undefined],
  first: undefined,
  asked: undefined,
});

function newHalf(): Half {
  let tell!: (found: readonly Found[]) => void;
  let fail!: (error: unknown) => void;
  const found = new Promise<readonly Found[]>((resolve, reject) => {
    tell = resolve;
    fail = reject;
  });
  return { found, tell, fail };
}

/**
 * Makes one command of the reads of a tick. While nothing is on its way a read waits for the current tick only; else
 * for the next turn of the event loop, in which more of them come together.
 */
export function createGather(send: (keys: string[], told: Told) => void): (key: string) => Asked {
  let round = newRound();
  let inFlight = 0;

  const ask = ({ keys, halves }: Round): void => {
    inFlight += 1;
    send(keys, (found, error) => {
      inFlight -= 1;
      if (found === undefined) for (const half of halves) half?.fail(error);
      else hand(halves, found);
    });
  };

  /**
   * Half of the answers, and the rest when the first have led to what they lead to: the server carries out the next reads
   * of those while the others are being used here. All at once, one of the two would always wait for the other. Where
   * nothing was found nothing is used, and what is asked for next is asked for together.
   */
  const hand = ([even, odd]: Round['halves'], found: readonly Found[]): void => {
    even?.tell(found);
    const rest = (): void => odd?.tell(found);
    if (found.length < 2 * fewestAtOnce || found.every((each) => each === undefined)) rest();
    // A tick that is asked for within the microtasks comes after all of them.
    else queueMicrotask(() => process.nextTick(rest));
  };

  const flush = (): void => {
    const full = round;
    if (full.keys.length === 0) return;
    round = newRound();
    ask(full);
  };

  return (key) => {
    const { keys, halves } = round;
    const known = keys[0] === key ? round.first : round.asked?.get(key);
    if (known !== undefined) return known;
    const place = keys.length;
    halves[place & 1] ??= newHalf();
    const { found } = halves[place & 1]!;
    const asked: Asked = { found, place, share: undefined };
    if (keys.push(key) === 1) {
      round.first = asked;
      if (inFlight === 0) process.nextTick(flush);
      else void nextTurn().then(flush);
      return asked;
    }
    round.asked ??= new Map();
    round.asked.set(key, asked);
    if (keys.length === mostKeys) flush();
    return asked;
  };
}

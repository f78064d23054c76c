import { nextTurn } from '../clock.ts';

type Found = Buffer | undefined;

/** Most keys in one command, so that the server is never kept from others for long. */
const mostKeys = 128;

/** What one command asks for, each key once, and who waits for which of them. */
interface Round {
  readonly keys: string[];
  /** Where each key stands; made when there is a second one. */
  places: Map<string, number> | undefined;
  /** By waiter: the place of its key. */
  readonly at: number[];
  readonly resolves: ((found: Found) => void)[];
  readonly rejects: ((error: unknown) => void)[];
}

const newRound = (): Round => ({ keys: [], places: undefined, at: [], resolves: [], rejects: [] });

/**
 * Makes one command of the reads of a tick. While nothing is on its way a read waits for the current tick only; else
 * for the next turn of the event loop, in which more of them come together.
 */
export function createGather(send: (keys: string[]) => Promise<Found[]>): (key: string) => Promise<Found> {
  let round = newRound();
  let inFlight = 0;

  const place = ({ keys, places }: Round, key: string): number => {
    if (places === undefined) {
      if (keys.length > 0 && keys[0] === key) return 0;
      if (keys.length === 1) round.places = new Map([[keys[0]!, 0]]).set(key, 1);
    } else {
      const known = places.get(key);
      if (known !== undefined) return known;
      places.set(key, keys.length);
    }
    return keys.push(key) - 1;
  };

  const ask = async ({ keys, at, resolves, rejects }: Round): Promise<void> => {
    inFlight += 1;
    try {
      const found = await send(keys);
      for (let i = 0; i < resolves.length; i++) resolves[i]!(found[at[i]!]);
    } catch (error) {
      for (const reject of rejects) reject(error);
    } finally {
      inFlight -= 1;
    }
  };

  const flush = (): void => {
    const full = round;
    if (full.keys.length === 0) return;
    round = newRound();
    void ask(full);
  };

  return (key) =>
    new Promise((resolve, reject) => {
      const isFirst = round.keys.length === 0;
      round.at.push(place(round, key));
      round.resolves.push(resolve);
      round.rejects.push(reject);
      if (round.keys.length === mostKeys) flush();
      else if (!isFirst) return;
      else if (inFlight === 0) process.nextTick(flush);
      else void nextTurn().then(flush);
    });
}

import { nextTurn } from '../clock.ts';

type Found = Buffer | undefined;

/** Most keys in one command, so that the server is never kept from others for long. */
const mostKeys = 128;

/**
 * Makes one command of the reads of a tick. While nothing is on its way a read waits for the current tick only; else
 * for the next turn of the event loop, in which more of them come together.
 */
export function createGather(send: (keys: string[]) => Promise<Found[]>): (key: string) => Promise<Found> {
  let keys: string[] = [];
  let resolves: ((found: Found) => void)[] = [];
  let rejects: ((error: unknown) => void)[] = [];
  let inFlight = 0;

  const flush = (): void => {
    if (keys.length <= mostKeys) {
      void ask(keys, resolves, rejects);
    } else {
      for (let from = 0; from < keys.length; from += mostKeys) {
        const to = from + mostKeys;
        void ask(keys.slice(from, to), resolves.slice(from, to), rejects.slice(from, to));
      }
    }
    keys = [];
    resolves = [];
    rejects = [];
  };

  const ask = async (
    asked: string[],
    toResolve: readonly ((found: Found) => void)[],
    toReject: readonly ((error: unknown) => void)[],
  ): Promise<void> => {
    inFlight += 1;
    try {
      const found = await send(asked);
      for (let i = 0; i < toResolve.length; i++) toResolve[i]!(found[i]);
    } catch (error) {
      for (const reject of toReject) reject(error);
    } finally {
      inFlight -= 1;
    }
  };

  return (key) =>
    new Promise((resolve, reject) => {
      keys.push(key);
      resolves.push(resolve);
      rejects.push(reject);
      if (keys.length > 1) return;
      if (inFlight === 0) process.nextTick(flush);
      else void nextTurn().then(flush);
    });
}

import { nextTurn } from '../clock.ts';

/** Does for the keys of a tick at once what is asked for each: whoever asks waits for that, and hears of its failure. */
export function inOneGo(work: (keys: readonly string[]) => Promise<void>): (key: string) => Promise<void> {
  let round: { readonly keys: Set<string>; readonly done: Promise<void> } | undefined;
  return (key) => {
    if (round === undefined) {
      const keys = new Set<string>();
      const done = nextTurn().then(() => {
        round = undefined;
        return work([...keys]);
      });
      round = { keys, done };
    }
    round.keys.add(key);
    return round.done;
  };
}

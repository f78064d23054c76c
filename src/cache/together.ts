import type { Clock } from '../clock.ts';
import { isWithinLoad } from '../origin/within.ts';
import type { Form } from '../store/codec.ts';
import type { Want } from './landing.ts';
import type { Misses } from './miss.ts';

interface Waiting {
  readonly want: Want;
  land(form: Promise<Form | undefined>): void;
}

export type One = (want: Want, isStoreAway: boolean) => Promise<Form | undefined>;

/** Misses of single reads: each by itself, or those of a moment together, so that one load brings them all. */
export function createTogether(misses: Misses, clock: Clock, gatherMs: number | undefined): One {
  const alone: One = (want, isStoreAway) => misses.read([want], { isStoreAway })[0]!;
  if (gatherMs === undefined) return alone;
  // What is read past a store that is away is not stored: it is not mixed with what is.
  const lots = { here: new Map<string, Waiting[]>(), away: new Map<string, Waiting[]>() };
  type Place = keyof typeof lots;

  const send = (place: Place): void => {
    const isStoreAway = place === 'away';
    const waiting = [...lots[place].values()];
    lots[place] = new Map();
    const firsts = waiting.map(([first]) => first!);
    const forms = misses.read(
      firsts.map(({ want }) => want),
      { isStoreAway },
    );
    firsts.forEach((each, i) => {
      each.land(forms[i]!);
    });
    // The same key again: it joins what is under way, as a later reader would.
    for (const [, ...others] of waiting) for (const { want, land } of others) land(alone(want, isStoreAway));
  };

  return (want, isStoreAway) => {
    // A loader that asks is waited for by others; and whom it waits for is found by where it asks.
    if (isWithinLoad()) return alone(want, isStoreAway);
    const place = isStoreAway ? 'away' : 'here';
    const lot = lots[place];
    return new Promise((land) => {
      if (lot.size === 0) clock.after(gatherMs, () => send(place));
      const same = lot.get(want.key);
      if (same === undefined) lot.set(want.key, [{ want, land }]);
      else same.push({ want, land });
    });
  };
}

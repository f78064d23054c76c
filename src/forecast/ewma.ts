import { hourMs, secondMs } from '../duration.ts';
import type { HalfLifeHours } from '../rooms.ts';
import type { Scorer } from './scorer.ts';

/** The rate of one half-life and nothing else. */
export function ewma(halfLife: HalfLifeHours): Scorer {
  const name = `ewma-${halfLife}h`;
  return {
    name,
    score({ rates }) {
      const heat = (rates[halfLife] * secondMs) / hourMs;
      return { heat, terms: [{ name, heat }] };
    },
  };
}

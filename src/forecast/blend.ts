import { hourMs, secondMs } from '../duration.ts';
import type { HalfLifeHours } from '../rooms.ts';
import type { Scorer } from './scorer.ts';

/** Short for what is rising now, middle for the day, long for what is always there. */
const parts: readonly HalfLifeHours[] = [3, 24, 168];

/** The mean of a short, a middle and a long memory: no single half-life is safe on all traffic. */
export const blend: Scorer = {
  name: `blend-${parts.join('-')}h`,
  score({ rates }) {
    const terms = parts.map((hours) => ({
      name: `${hours} h half-life`,
      heat: ((rates[hours] / parts.length) * secondMs) / hourMs,
    }));
    return { heat: terms.reduce((sum, term) => sum + term.heat, 0), terms };
  },
};

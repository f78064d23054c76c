import type { HalfLifeHours } from '../rooms.ts';
import { inSteps, type Scorer } from './scorer.ts';

/** The rate of one half-life and nothing else. */
export const ewma = (halfLife: HalfLifeHours): Scorer =>
  inSteps(`ewma-${halfLife}h`, ({ rates }) => rates[halfLife]);

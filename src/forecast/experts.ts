import { halfLifeHours } from '../rooms.ts';
import { blend } from './blend.ts';
import { daily } from './daily.ts';
import { ewma } from './ewma.ts';
import { frequency } from './frequency.ts';
import { logistic } from './logistic.ts';
import { previous } from './previous.ts';
import { recency } from './recency.ts';
import type { Scorer } from './scorer.ts';
import { trend } from './trend.ts';
import { weekly } from './weekly.ts';

/** Every rule that a back-test compares and a cache's forecasts may be made by; each is pure. The first makes them until enough was judged. */
export const experts: readonly Scorer[] = [
  blend,
  ...halfLifeHours.map(ewma),
  daily,
  weekly,
  trend,
  logistic,
  recency,
  previous,
  frequency,
];

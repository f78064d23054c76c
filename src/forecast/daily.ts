import { daytime } from './daytime.ts';
import { inSteps } from './scorer.ts';

/** One memory, and the hour of day on top of it. */
export const daily = inSteps('ewma-24h-daily', (candidate, at, tell) => {
  const perHour = candidate.rates[24];
  tell('24 h', perHour);
  const shaped = perHour * daytime(candidate, at);
  tell('hour of day', shaped);
  return shaped;
});

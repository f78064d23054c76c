import { inSteps } from './scorer.ts';

/** How much of a rise or fall goes on. */
const goesOn = 0.5;
/** A rate must stand out from this many accesses per hour before it counts as a rise. */
const noise = 0.1;

/** The rate of six hours, and half of how it stands to that of a day: what rises goes on rising for a while. */
export const trend = inSteps('trend-6-24h', ({ rates }, _at, tell) => {
  tell('6 h', rates[6]);
  const perHour = rates[6] * ((rates[6] + noise) / (rates[24] + noise)) ** goesOn;
  tell('trend', perHour);
  return perHour;
});

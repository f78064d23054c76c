import { inSteps } from './scorer.ts';

/** Who was read last comes first; of those that were read in the same hour, who was read more. */
export const recency = inSteps('recency', ({ lastBucket, rates }, at) => {
  const share = rates[24] / (1 + rates[24]);
  return 1 / (2 - share + Math.max(0, at.lastBucket - lastBucket));
});

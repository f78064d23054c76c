import { inSteps } from './scorer.ts';

/** Accesses of all time, whenever they were. */
export const frequency = inSteps('frequency', ({ accesses, knownHours }) => accesses / knownHours);

import { inSteps } from './scorer.ts';

/** What was read in the last hour will be read in the next: what everybody writes first. */
export const previous = inSteps('previous-window', ({ echo }) => echo?.last ?? 0, { needsEcho: true });

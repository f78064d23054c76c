import { checkName } from './define.ts';
import { SamovarError } from './errors.ts';
import type { Candidate, Moment } from './shapes.ts';

/** How many accesses per hour a key is expected to have over the horizon; 0 when none. Must not keep anything or ask anybody. */
export type ExpertRule = (candidate: Candidate, moment: Moment) => number;

/** A rule of the application's own, judged and chosen like those that are built in. */
export interface ExpertDef {
  readonly kind: 'expert';
  readonly name: string;
  readonly perHour: ExpertRule;
}

/** Names a rule from what is known of a key to how often it will be read: `forecast: { experts: [defineExpert('mine', …)] }`. */
export function defineExpert(name: string, perHour: ExpertRule): ExpertDef {
  checkName('an expert', name);
  if (typeof perHour !== 'function')
    throw new SamovarError(
      'E_CONFIG',
      `expected the rule of expert '${name}' to be a function, got ${typeof perHour}`,
    );
  return Object.freeze({ kind: 'expert', name, perHour });
}

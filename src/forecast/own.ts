import { SamovarError } from '../errors.ts';
import type { ExpertDef } from '../expert.ts';
import { experts } from './experts.ts';
import { inSteps, type Scorer } from './scorer.ts';
import { seasonalName } from './seasonal.ts';

/** What an application's rule does wrong, told once by its name. */
export type OnWrong = (expert: string, error: unknown) => void;

/**
 * The application's own experts as scorers. One that throws foresees nothing at that key, and its standing shows it; the
 * forecast goes on. E_CONFIG for a name that a built-in one has.
 */
export function ownExperts(defs: readonly ExpertDef[], onWrong: OnWrong): Scorer[] {
  const told = new Set<string>();
  return defs.map(({ name, perHour }) => {
    if (name === seasonalName || experts.some((expert) => expert.name === name))
      throw new SamovarError('E_CONFIG', `\`forecast.experts\`: '${name}' is the name of a built-in expert`, {
        hints: [`taken: ${experts.map((expert) => expert.name).join(', ')}`],
      });
    return inSteps(
      name,
      (candidate, at) => {
        try {
          return perHour(candidate, at);
        } catch (error) {
          if (!told.has(name)) onWrong(name, error);
          told.add(name);
          return 0;
        }
      },
      { needsEcho: true },
    );
  });
}

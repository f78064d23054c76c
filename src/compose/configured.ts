import type { Config } from '../config.ts';
import { SamovarError } from '../errors.ts';

/** The name of a job that somebody works, or E_UNKNOWN_JOB: what is enqueued for nobody would wait for ever. */
export function configured({ jobs }: Pick<Config, 'jobs'>, name: string | undefined): string {
  if (name === undefined) {
    throw new SamovarError('E_UNKNOWN_JOB', 'expected the definition of a job, got something else', {
      hints: ["import it: import { warm } from 'samovar/jobs'"],
    });
  }
  if (jobs.some((job) => job.name === name || job.aliases?.includes(name))) return name;
  throw new SamovarError(
    'E_UNKNOWN_JOB',
    `job '${name}' is not in \`jobs\`, so no worker would carry it out`,
    {
      hints: ['add it to the configuration: jobs: [...builtinJobs, mine]'],
    },
  );
}

import type { Config } from '../config.ts';
import type { AnyCacheDef } from '../define.ts';
import { nearest, SamovarError } from '../errors.ts';

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

/** The definition of a name, or E_UNKNOWN_CACHE with the nearest one. */
export function definitionOf(config: Pick<Config, 'caches'>, cache: string): AnyCacheDef {
  const def = config.caches.find((each) => each.name === cache);
  if (def) return def;
  const names = config.caches.map((each) => each.name);
  const meant = nearest(cache, names);
  throw new SamovarError(
    'E_UNKNOWN_CACHE',
    `there is no cache '${cache}'${meant === undefined ? '' : `, did you mean '${meant}'?`}`,
    { hints: [`known: ${names.join(', ') || 'none'}`] },
  );
}

import { Command } from 'commander';
import type { Config } from '../src/config.ts';
import { maskUrl } from '../src/connect.ts';
import type { CliContext } from './context.ts';

/** They may come from the environment of the machine that runs it, so a configuration is right without them. */
const addresses = [
  { option: 'redis', variable: 'REDIS_URL' },
  { option: 'postgres', variable: 'DATABASE_URL' },
] as const;

/** Shows what everything runs on, secrets hidden. */
export const command = (context: CliContext): Command =>
  new Command('config')
    .description(
      'The resolved configuration: file, .env, environment and flags together. Secrets are hidden.',
    )
    .option('--check', 'only say whether it is right')
    .action(async ({ check }: { check?: true }) => {
      const config = await context.config();
      const { caches, jobs, schedules } = config;
      const sum = `${caches.length} caches, ${jobs.length} jobs, ${schedules.length} schedules`;
      const missing = addresses.filter(({ option }) => config[option] === undefined);
      if (check)
        return context.output.data({ ok: true, missing: missing.map(({ option }) => option) }, () =>
          [
            `the configuration is right: ${sum}`,
            ...missing.map(
              ({ option, variable }) => `not set: \`${option}\` (${variable}); a worker needs it to start`,
            ),
          ].join('\n'),
        );
      const shown = shownConfig(config);
      context.output.data(shown, () => JSON.stringify(shown, null, 2));
    });

/** The configuration as plain data: definitions by what they say, functions by their being there. */
export function shownConfig(config: Config): Record<string, unknown> {
  const address = (url: string | undefined) => (url === undefined ? undefined : maskUrl(url));
  return {
    ...config,
    redis: address(config.redis),
    queueRedis: address(config.queueRedis),
    bufferRedis: address(config.bufferRedis),
    postgres: address(config.postgres),
    caches: config.caches.map(({ kind: _, origin, key, ...rest }) => ({
      ...plainObject(rest),
      origin: origin.name,
      key: key.name,
    })),
    origins: config.origins.map(({ kind: _, ...origin }) => plainObject(origin)),
    jobs: config.jobs.map(({ name, about }) => ({ name, about })),
    schedules: config.schedules.map(({ kind: _, job, ...rest }) => ({ ...plainObject(rest), job: job.name })),
    import: { map: plain(config.import.map) },
  };
}

/** An address without its password, wherever it stands. */
const plainObject = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));

function plain(value: unknown): unknown {
  if (typeof value === 'function') return '(a function)';
  if (Array.isArray(value)) return value.length > 20 ? `(a list of ${value.length})` : value.map(plain);
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return value;
  return plainObject(value);
}

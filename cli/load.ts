import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import type { Config } from '../src/config.ts';
import { SamovarError } from '../src/errors.ts';
import { findConfig, loadConfig } from '../src/find-config.ts';
import { type Flags, readConfig } from '../src/read-config.ts';

export interface LoadRequest {
  readonly config?: string;
  readonly envFile?: string;
  readonly flags: Flags;
}

/** No reader waits for a command or a worker, and a busy machine is no outage: they wait longer before they call it one. */
const leastCommandTimeoutMs = 2_000;

/** Finds, loads and checks the configuration for a command. Throws E_CONFIG or E_CRON. */
export async function loadCliConfig({ config: named, envFile, flags }: LoadRequest): Promise<Config> {
  const path = findConfig(process.cwd(), named);
  const env = { ...process.env };
  const file = readEnvFile(dirname(path), envFile);
  // The loaders of the configuration read their environment themselves: .env must hold for them, too.
  for (const [name, value] of Object.entries(file?.values ?? {})) process.env[name] ??= value;
  const [samovar, jobs, { checkExpression }] = await Promise.all([
    import('../src/index.ts'),
    import('../jobs/index.ts'),
    import('../src/queue/cron.ts'),
  ]);
  const input = await loadConfig(path, {
    loaded: { samovar, 'samovar/jobs': jobs, ...(await schemas(path)) },
    files: { 'samovar/client': besideUs('client'), 'samovar/testing': besideUs('testing/index') },
  });
  return readConfig(input, {
    env,
    flags,
    file: basename(path),
    checkSchedule: checkExpression,
    leastCommandTimeoutMs,
    ...(file === undefined ? {} : { envFile: file }),
  });
}

/** An entry point of this package, whether it runs from its sources or from `dist`. */
const besideUs = (name: string): string =>
  fileURLToPath(new URL(`../src/${name}${extname(import.meta.url)}`, import.meta.url));

/** Payloads are described with zod; an application that did not install it may use ours. */
async function schemas(path: string): Promise<Record<string, unknown>> {
  try {
    createRequire(path).resolve('zod');
    return {};
  } catch {
    return { zod: await import('zod') };
  }
}

function readEnvFile(folder: string, named: string | undefined) {
  const path = named ?? join(folder, '.env');
  if (!existsSync(path)) {
    if (named === undefined) return undefined;
    throw new SamovarError('E_CONFIG', `there is no file ${named} (from --env-file)`);
  }
  return {
    name: basename(path),
    values: parseEnv(readFileSync(path, 'utf8')) as Record<string, string | undefined>,
  };
}

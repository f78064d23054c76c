import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { messageOf, SamovarError } from './errors.ts';

export const configNames = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `samovar.config.${ending}`);

/** The configuration of a folder: its own, or that of the nearest folder above. E_CONFIG when there is none. */
export function findConfig(folder: string, named?: string): string {
  if (named !== undefined) {
    const path = resolve(folder, named);
    if (existsSync(path)) return path;
    throw new SamovarError('E_CONFIG', `there is no file ${named} (from --config)`, {
      hints: ['write one with: samovar init'],
    });
  }
  for (let at = resolve(folder); ; at = dirname(at)) {
    for (const name of configNames) if (existsSync(join(at, name))) return join(at, name);
    if (at === dirname(at)) break;
  }
  throw new SamovarError(
    'E_CONFIG',
    `there is no samovar.config.{ts,mts,js,mjs,json} in ${folder} or above it`,
    {
      hints: ['write one with: samovar init', 'or name one: samovar --config path/to/samovar.config.ts …'],
    },
  );
}

/** What stands in for this package's own entry points, so that what a file imports is what runs it. */
export interface OwnModules {
  /** Modules that are loaded already, by the name of their import. */
  readonly loaded: Readonly<Record<string, unknown>>;
  /** Files of others. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The default export of a configuration file, or the content of a JSON file, unread. Throws E_CONFIG. */
export async function loadConfig(path: string, own: OwnModules): Promise<unknown> {
  return path.endsWith('.json') ? loadJson(path) : loadModule(path, own);
}

function loadJson(path: string): unknown {
  try {
    const { $schema: _, ...input } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    return input;
  } catch (error) {
    throw new SamovarError('E_CONFIG', `${shown(path)} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

async function loadModule(path: string, { loaded: own, files = {} }: OwnModules): Promise<unknown> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(path, {
    interopDefault: false,
    fsCache: false,
    virtualModules: { ...own },
    alias: { ...files },
  });
  let loaded: Record<string, unknown>;
  try {
    loaded = await jiti.import<Record<string, unknown>>(path);
  } catch (error) {
    throw wrongFile(path, error);
  }
  if (loaded['default'] !== undefined) return loaded['default'];
  throw new SamovarError('E_CONFIG', `${shown(path)} has no default export`, {
    hints: ['write: export default defineConfig({ … })'],
  });
}

/** What a file threw while it was loaded, with the place in it. An error of ours needs no other words. */
function wrongFile(path: string, error: unknown): SamovarError {
  const code = (error as { code?: unknown } | null)?.code;
  const message = messageOf(error).split('\n')[0]!;
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
    return new SamovarError('E_CONFIG', `${shown(path)} imports what is not there: ${message}`, {
      hints: ['install it (npm install), or correct the import'],
      cause: error,
    });
  }
  const hints = error instanceof SamovarError ? error.hints : [];
  return new SamovarError('E_CONFIG', `${placeOf(path, error)}: ${message}`, { hints, cause: error });
}

/** `file:line:column` of a syntax error, or `file:line` of the configuration that led to what was thrown. */
function placeOf(path: string, error: unknown): string {
  const { message = '', stack = '' } = error instanceof Error ? error : {};
  const syntax = /\n\s*(\/.+):(\d+):(\d+)\s*$/.exec(message);
  if (syntax) return `${shown(syntax[1]!)}:${syntax[2]}:${syntax[3]}`;
  const at = stack.indexOf(`${path}:`);
  const line = /^:\d+/.exec(stack.slice(at + path.length))?.[0] ?? '';
  return `${shown(path)}${at < 0 ? '' : line}`;
}

/** A path as short as it can be said from here. */
const shown = (path: string): string => {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near;
};

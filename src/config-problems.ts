import type { z } from 'zod';
import { hideSecrets, nearest } from './errors.ts';

/** One thing wrong in a configuration: where (empty for the whole), and the whole sentence about it. */
export interface Problem {
  readonly path: string;
  readonly text: string;
  readonly isAboutTime?: boolean;
  readonly hints?: readonly string[];
}

/** The path as its author would say it: definitions by their names, not their positions. */
function namePath(input: unknown, path: readonly PropertyKey[]): string {
  let text = '';
  let at = input;
  for (const [depth, part] of path.entries()) {
    at = (at as Record<PropertyKey, unknown> | null | undefined)?.[part];
    const name = (at as { name?: unknown } | null | undefined)?.name;
    if (typeof part !== 'number') text += depth === 0 ? String(part) : `.${String(part)}`;
    else text += depth === 1 && typeof name === 'string' ? `.${name}` : `[${part}]`;
  }
  return text;
}

/** Sentences about what the shape refused. `sources` tells which values did not come from the file. */
export function problemsOf(
  input: unknown,
  issues: readonly z.core.$ZodIssue[],
  sources: ReadonlyMap<string, string>,
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = namePath(input, issue.path);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => unknownOption(path, key, issue.message.split(' ')));
    const value = issue.path.reduce<unknown>(
      (at, part) => (at as Record<PropertyKey, unknown> | undefined)?.[part],
      input,
    );
    const source = sources.get(path);
    const subject =
      path === '' ? 'the configuration' : `\`${path}\`${source === undefined ? '' : ` (${source})`}`;
    return [{ path, text: `expected ${subject} to be ${issue.message}, got ${describe(path, value)}` }];
  });
}

function unknownOption(path: string, key: string, known: readonly string[]): Problem {
  const full = path === '' ? key : `${path}.${key}`;
  const meant = nearest(key, known);
  const names = known.filter((name) => name !== 'kind' && name !== 'name').join(', ');
  return {
    path: full,
    text: `unknown option \`${full}\`. ${meant === undefined ? `Known here: ${names}` : `Did you mean \`${meant}\`?`}`,
  };
}

/** A name that is not among the known ones, with the one that was meant. */
export function unknownName(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  if (meant !== undefined) return `there is no ${what} '${name}'. Did you mean '${meant}'?`;
  return `there is no ${what} '${name}'. Known: ${known.length === 0 ? 'none' : known.join(', ')}`;
}

const addresses = ['redis', 'queueRedis', 'bufferRedis', 'postgres'];

/** A wrong value as it may be shown. Of an address only what cannot hold a password. */
function describe(path: string, value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (value !== null && typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return String(value);
  if (value === '') return 'an empty text';
  if (addresses.includes(path)) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1];
    return scheme === undefined
      ? 'a text that is not an address'
      : `an address that starts with '${scheme}://'`;
  }
  return `'${hideSecrets(value.length > 60 ? `${value.slice(0, 60)}…` : value)}'`;
}

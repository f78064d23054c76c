import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/files.ts';

export interface OptionDoc {
  /** `access.flushEvery`. */
  readonly path: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly about: string;
  readonly default?: string;
}

/** The options of an interface, read from its doc comments. Inline objects are walked into. */
export function optionsOf(file: string, name: string): OptionDoc[] {
  const source = readFileSync(join(packageRoot, file), 'utf8');
  const start = source.search(new RegExp(`export interface ${name}\\b`));
  if (start < 0) throw new Error(`there is no interface ${name} in ${file}`);
  const open = source.indexOf('{', skipGenerics(source, start + `export interface ${name}`.length));
  const found: OptionDoc[] = [];
  const path: string[] = [];
  let comment = '';
  for (const line of statements(source.slice(open + 1))) {
    if (line.startsWith('/**')) comment = line;
    else if (/^\}/.test(line)) {
      if (path.pop() === undefined) break;
    } else {
      const field = /^readonly (\w+)(\??): (.+)$/s.exec(line);
      if (!field) continue;
      const [, option, optional, type] = field as unknown as [string, string, string, string];
      if (type === '{') path.push(option);
      else found.push(documented([...path, option].join('.'), type, optional === '', comment));
      comment = '';
    }
  }
  return found;
}

/** Past `<…>` of the interface's head, whose defaults may hold braces. */
function skipGenerics(source: string, at: number): number {
  if (source[at] !== '<') return at;
  let depth = 0;
  for (let i = at; i < source.length; i++) {
    if (source[i] === '<') depth++;
    if (source[i] === '>' && source[i - 1] !== '=' && --depth === 0) return i;
  }
  return at;
}

/** Doc comments, fields and closing braces, one by one. */
function* statements(body: string): Generator<string> {
  for (const match of body.matchAll(/\/\*\*[\s\S]*?\*\/|^\s*readonly [\s\S]*?(?:;$|\{$)|^\s*\};?$/gm))
    yield match[0].trim().replace(/;$/, '');
}

function documented(path: string, type: string, isRequired: boolean, comment: string): OptionDoc {
  const text = comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const [about = '', preset] = text.split(/\s*@default /);
  return {
    path,
    type: type
      .replace(/\breadonly /g, '')
      .replace(/ \| undefined$/, '')
      .replace(/\s+/g, ' '),
    isRequired,
    about: about.trim(),
    ...(preset === undefined ? {} : { default: preset.trim() }),
  };
}

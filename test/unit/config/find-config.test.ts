import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { isSamovarError } from '../../../src/errors.ts';
import { configNames, findConfig, loadConfig } from '../../../src/find-config.ts';
import * as samovar from '../../../src/index.ts';

const root = mkdtempSync(join(tmpdir(), 'samovar-config-'));
afterAll(() => rmSync(root, { recursive: true }));

let folder = '';
let made = 0;
beforeEach(() => {
  folder = join(root, String(++made));
  mkdirSync(folder);
});
const write = (name: string, ...lines: string[]) => {
  const path = join(folder, name);
  writeFileSync(path, lines.join('\n'));
  return path;
};
const load = (path: string) => loadConfig(path, { loaded: { samovar } });
const refusal = async (path: string) => {
  const error = await load(path).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isSamovarError(error)) return error;
  throw new Error('expected a SamovarError', { cause: error });
};

describe('finding', () => {
  test('the nearest one up the tree, in the order of the names', () => {
    const deep = join(folder, 'a', 'b');
    mkdirSync(deep, { recursive: true });
    const above = write('samovar.config.json', '{}');
    expect(findConfig(deep)).toBe(above);
    for (const name of [...configNames].reverse()) {
      const path = join(deep, name);
      writeFileSync(path, '');
      expect(findConfig(deep)).toBe(path);
    }
  });

  test('the one that was named, and no other', () => {
    write('samovar.config.ts', '');
    const other = write('other.mjs', '');
    expect(findConfig(folder, 'other.mjs')).toBe(other);
    expect(() => findConfig(folder, 'absent.ts')).toThrow('there is no file absent.ts (from --config)');
  });

  test('none: the way to get one', () => {
    const error = (() => {
      try {
        findConfig('/');
      } catch (error) {
        return error;
      }
    })();
    expect(isSamovarError(error) && error.hints.join()).toContain('samovar init');
  });
});

describe('loading', () => {
  test.each(['ts', 'mts', 'js', 'mjs'])('.%s, with the very modules of this process', async (ending) => {
    const path = write(
      `samovar.config.${ending}`,
      "import { encoded } from 'samovar';",
      'export default { encoded };',
    );
    expect(await load(path)).toEqual({ encoded: samovar.encoded });
  });

  test('a file beside it that imports samovar gets the same modules', async () => {
    write('cache.ts', "import { encoded } from 'samovar';", 'export const mine: typeof encoded = encoded;');
    const path = write('samovar.config.ts', "import { mine } from './cache.ts';", 'export default { mine };');
    expect(await load(path)).toEqual({ mine: samovar.encoded });
  });

  test('JSON, without its $schema', async () => {
    const path = write('samovar.config.json', '{ "$schema": "./s.json", "caches": [] }');
    expect(await load(path)).toEqual({ caches: [] });
  });

  test('JSON that is none', async () => {
    const error = await refusal(write('samovar.config.json', '{ caches: [] }'));
    expect(error.message).toMatch(/samovar\.config\.json is not JSON: /);
  });

  test('no default export', async () => {
    const error = await refusal(write('samovar.config.ts', 'export const config = {};'));
    expect(error.message).toMatch(/samovar\.config\.ts has no default export$/);
    expect(error.hints.join()).toContain('export default defineConfig(');
  });

  test('a syntax error: file, line and column', async () => {
    const error = await refusal(
      write('samovar.config.ts', 'const a = 1;', 'export default { caches: [, b: };'),
    );
    expect(error.code).toBe('E_CONFIG');
    expect(error.message).toMatch(/samovar\.config\.ts:2:\d+: /);
  });

  test('a syntax error in a file it imports is told of that file', async () => {
    write('broken.ts', '', 'export const = 3;');
    const error = await refusal(write('samovar.config.ts', "import './broken.ts';", 'export default {};'));
    expect(error.message).toMatch(/broken\.ts:2:\d+: /);
  });

  test('something it threw: the line', async () => {
    const error = await refusal(
      write('samovar.config.ts', '', "throw new Error('no luck with redis://u:pw@h');"),
    );
    expect(error.message).toMatch(/samovar\.config\.ts:2: no luck with redis:\/\/u:\*\*\*@h$/);
  });

  test('an import of nothing', async () => {
    const error = await refusal(
      write('samovar.config.ts', "import x from 'not-installed';", 'export default x;'),
    );
    expect(error.message).toMatch(/samovar\.config\.ts imports what is not there: .*not-installed/);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorMeanings } from '../../scripts/docs/errors.ts';
import { optionsOf } from '../../scripts/docs/options.ts';
import { pages } from '../../scripts/docs/pages.ts';
import { environment } from '../../src/config.ts';
import { configShape } from '../../src/config-shape.ts';
import { defaults } from '../../src/defaults.ts';
import { parseDuration } from '../../src/duration.ts';
import { errorCodes } from '../../src/errors.ts';
import { packageRoot } from '../../src/files.ts';

const written = await pages();
const page = (name: string) => {
  const path = join(packageRoot, 'docs', name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};

test.each(Object.keys(written))('docs/%s is what `npm run docs` writes today', (name) => {
  expect(page(name)).toBe(written[name]);
});

test('every error code has its meaning and its remedy on the page', () => {
  expect(Object.keys(errorMeanings).sort()).toEqual(Object.keys(errorCodes).sort());
  for (const code of Object.keys(errorCodes)) expect(page('errors.md')).toContain(`| \`${code}\` |`);
});

test('no help is wider than a terminal of 80 columns', () => {
  const blocks = [...page('cli.md').matchAll(/```text\n([\s\S]*?)```/g)].map((match) => match[1]!);
  expect(blocks.length).toBeGreaterThan(14);
  expect(blocks.flatMap((block) => block.split('\n')).filter((line) => line.length > 80)).toEqual([]);
});

describe('the configuration', () => {
  const documented = [
    { options: optionsOf('src/config.ts', 'ConfigInput'), presets: defaults },
    { options: optionsOf('src/define.ts', 'CacheOptions'), presets: defaults.cache },
    { options: optionsOf('src/define.ts', 'WarmOptions'), presets: defaults.warm },
    { options: optionsOf('src/define.ts', 'OriginOptions'), presets: defaults.origin },
    { options: optionsOf('src/define.ts', 'BudgetOptions'), presets: defaults.origin },
    { options: optionsOf('src/schedule.ts', 'ScheduleOptions'), presets: defaults.schedule },
    { options: optionsOf('src/job.ts', 'JobOptions'), presets: defaults.job },
  ];

  test('every option that is accepted is described', () => {
    const tops = new Set(documented[0]!.options.map(({ path }) => path.split('.')[0]));
    expect([...tops].sort()).toEqual(Object.keys(configShape.shape).sort());
    for (const path of Object.values(environment))
      expect(documented[0]!.options.map((each) => each.path)).toContain(path);
  });

  test('every option says what it is', () => {
    const silent = documented.flatMap(({ options }) => options).filter(({ about }) => about === '');
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('what is said of defaults is so', () => {
    let compared = 0;
    for (const { options, presets } of documented) {
      for (const { path, default: said } of options) {
        if (said === undefined) continue;
        const actual = valueAt(presets, path);
        if (actual === undefined) continue;
        const literal = said.split(', else ').at(-1)!.replaceAll("'", '"').replaceAll('_', '');
        const value: unknown = JSON.parse(literal);
        const isTime = typeof value === 'string' && parseDuration(value) !== undefined;
        expect([path, isTime ? parseDuration(value) : value]).toEqual([path, actual]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(25);
  });
});

/** The default at a path; a length of time stands there under its name with `Ms`. */
function valueAt(presets: object, path: string): unknown {
  let at: unknown = presets;
  for (const part of path.split('.')) {
    const inner = at as Record<string, unknown> | undefined;
    at = inner?.[part] ?? inner?.[`${part}Ms`];
  }
  return at;
}

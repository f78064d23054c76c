import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Who may import whom beside its own room: a file's own row first, then its room's. */
const mayImport: Record<string, readonly string[]> = {
  'src/index.ts': ['src/.', 'src/samovar.ts', 'src/fronts', 'src/ttl'],
  'src/client.ts': ['src/.', 'src/compose/ground.ts'],
  'src/samovar.ts': ['src/*'],
  'src/.': ['src/.'],
  'src/cache': [
    'src/.',
    'src/store',
    'src/dirty',
    'src/lease',
    'src/tags',
    'src/origin',
    'src/bus',
    'src/ttl',
  ],
  'src/outage': ['src/.', 'src/store', 'src/tags'],
  // The parts of the composition root.
  'src/compose': ['src/*'],
  'src/testing': ['src/.', 'src/servers'],
  'src/*': ['src/.'],
  jobs: ['src/index.ts'],
  cli: ['src/*', 'jobs', 'cli'],
  bin: ['src/.', 'cli'],
};
/** The composition roots are not ground: nothing but the ways in may import them. */
const roots = ['src/index.ts', 'src/client.ts', 'src/samovar.ts'];
/** A driver is imported only by the files that carry its name. */
const drivers: Record<string, RegExp> = {
  ioredis: /^src\/\w+\/redis[\w-]*\.ts$|^src\/connect\.ts$/,
  pg: /^src\/\w+\/postgres[\w-]*\.ts$|^src\/connect\.ts$/,
  'pg-copy-streams': /^src\/\w+\/postgres[\w-]*\.ts$/,
  bullmq: /^src\/queue\//,
  'node-cron': /^src\/queue\/cron\.ts$/,
  'p-limit': /^src\/origin\//,
  '@bsull/augurs': /^src\/forecast\/augurs\.ts$/,
  pino: /^src\/log\.ts$/,
  'prom-client': /^src\/metrics\//,
  hono: /^src\/metrics\/http\.ts$/,
  '@hono/node-server': /^src\/metrics\/http\.ts$/,
  commander: /^(cli|bin)\//,
};
const longest: readonly [RegExp, number][] = [
  [/^jobs\//, 80],
  [/./, 400],
];

const files = ['src', 'jobs', 'bin', 'cli'].flatMap((root) =>
  existsSync(root)
    ? readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => join(root, file))
    : [],
);
const room = (file: string) => {
  const [root, folder, rest] = file.split('/');
  return root !== 'src' ? root! : rest ? `src/${folder}` : 'src/.';
};
const text = (file: string) => readFileSync(file, 'utf8');
const code = (file: string) => text(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
const importsOf = (file: string) => [
  ...[...code(file).matchAll(/(?:^|;)\s*(?:import|export)[^'";]*?from ['"]([^'"]+)['"]/gm)].map((m) => m[1]!),
  ...[...code(file).matchAll(/import\(\s*['"]([^'"]+)['"]\s*\)/g)].map((m) => m[1]!),
];
const neighbours = (file: string) =>
  importsOf(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => normalize(join(dirname(file), path)));
const packageOf = (path: string) =>
  path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
const isAllowed = (from: string, to: string) => {
  if (roots.includes(to) && from.startsWith('src/')) return (mayImport[from] ?? []).includes(to);
  if (room(from) === room(to) && room(from) !== 'src/.') return true;
  const rules = mayImport[from] ?? mayImport[room(from)] ?? mayImport['src/*']!;
  return rules.some(
    (rule) => rule === to || rule === room(to) || (rule === 'src/*' && to.startsWith('src/')),
  );
};

test('there is a house', () => expect(files.length).toBeGreaterThan(20));

describe.each(files)('%s', (file) => {
  test('imports only what its room may know', () => {
    expect(neighbours(file).filter((to) => !isAllowed(file, to))).toEqual([]);
  });

  test('leaves each driver to the files named after it', () => {
    const strangers = importsOf(file)
      .map(packageOf)
      .filter((name) => drivers[name] && !drivers[name].test(file));
    expect(strangers).toEqual([]);
  });

  test('is short enough to be about one thing', () => {
    const limit = longest.find(([pattern]) => pattern.test(file))![1];
    expect(text(file).split('\n').length - 1).toBeLessThanOrEqual(limit);
  });

  if (/^(src|jobs)\//.test(file)) {
    test('has its time from the clock and prints nothing', () => {
      // A command of a driver has its own limit of time.
      const clock =
        /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|(?<!\bcommand\.)\bset(Timeout|Interval|Immediate)\(|node:timers|AbortSignal\.timeout/;
      if (file !== 'src/clock.ts') expect(code(file)).not.toMatch(clock);
      expect(code(file)).not.toMatch(/\bconsole\./);
    });
  }

  if (/^(src|jobs)\//.test(file) && !/^src\/(servers|read-config\.ts|find-config\.ts)/.test(file)) {
    test('leaves the environment to the configuration', () => {
      expect(code(file)).not.toMatch(/\bprocess\.env\b/);
    });
  }
});

test('the ground of a client never reaches for Postgres, HTTP or the commands', () => {
  const reached = new Set<string>();
  const walk = (file: string) => {
    if (reached.has(file) || !files.includes(file)) return;
    reached.add(file);
    for (const next of neighbours(file)) walk(next);
  };
  walk('src/client.ts');
  expect([...reached].filter((file) => /postgres|src\/metrics|src\/samovar\.ts|^cli/.test(file))).toEqual([]);
});

test('every folder of src has its line in docs/architecture.md', () => {
  const told = readFileSync('docs/architecture.md', 'utf8');
  const folders = [...new Set(files.map(room))].filter((name) => name.startsWith('src/') && name !== 'src/.');
  expect(folders.filter((name) => !told.includes(`\`${name}/\``))).toEqual([]);
});

test('no file imports itself by a detour', () => {
  const seen = new Map<string, 'open' | 'closed'>();
  const cycles: string[] = [];
  const walk = (file: string, path: string[]) => {
    if (seen.get(file) === 'closed') return;
    if (seen.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    seen.set(file, 'open');
    for (const next of neighbours(file))
      if (files.includes(next) && !isTypeOnly(file, next)) walk(next, [...path, file]);
    seen.set(file, 'closed');
  };
  /** A type leaves nothing behind at run time, so it closes no circle. */
  const isTypeOnly = (from: string, to: string) =>
    [...code(from).matchAll(/(?:^|;)\s*(import|export)\s+(type\s)?([^'";]*?)from ['"](\.[^'"]+)['"]/gm)]
      .filter((m) => normalize(join(dirname(from), m[4]!)) === to)
      .every((m) => m[2] !== undefined || /^\{\s*(type\s+\w+(\s+as\s+\w+)?\s*,?\s*)+\}\s*$/.test(m[3]!));
  for (const file of files) walk(file, []);
  expect(cycles).toEqual([]);
});

// node scripts/check.mjs [name…]
// Runs every check of the code that is not a behaviour test, all of them even if one fails; says what the failed ones said.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

/** Checks in order: a command, or a function that returns what it has to complain of. */
const checks = {
  lint: ['biome', 'ci', '--error-on-warnings', '.'],
  types: ['tsc', '-p', 'tsconfig.all.json'],
  law: ['vitest', 'run', '--project', 'plain', '--reporter', 'dot', 'test/law.test.ts'],
  unused: ['knip'],
  package: checkPackage,
};

// What the tools keep in the temporary folder goes with the folder.
const temporary = mkdtempSync(join(tmpdir(), 'samovar-check-'));
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }));

function run(command, ...args) {
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1', TMPDIR: temporary },
  });
  if (done.signal === 'SIGINT' || done.signal === 'SIGTERM') process.exit(130);
  if (done.status === 0) return undefined;
  return `$ ${[command, ...args].join(' ')}\n${done.error?.message ?? ''}${done.stdout}${done.stderr}`;
}

/** What would be published: built, packed, and read as npm, Node and TypeScript will read it. */
function checkPackage() {
  const folder = join(temporary, 'pack');
  mkdirSync(folder);
  rmSync('dist', { recursive: true, force: true });
  const failure = run('tsc') ?? run('npm', 'pack', '--ignore-scripts', '--pack-destination', folder);
  if (failure !== undefined) return failure;
  const archive = join(folder, readdirSync(folder)[0]);
  return run('publint', '--strict', archive) ?? run('attw', archive, '--profile', 'esm-only');
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in checks));
if (unknown.length > 0) {
  process.stderr.write(
    `no check is called ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}\n`,
  );
  process.exit(2);
}

let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const complaint = typeof check === 'function' ? check() : run(...check);
  process.stdout.write(
    complaint === undefined ? `ok     ${name}\n` : `failed ${name}\n${complaint.trimEnd()}\n\n`,
  );
  if (complaint === undefined) passed += 1;
  else failed += 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

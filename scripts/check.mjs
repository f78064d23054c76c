// node scripts/check.mjs [name…]
// Runs every check of the code that is not a behaviour test, all of them even if one fails; says what the failed ones said.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

/** Checks in order; each is a list of commands that must all succeed. */
const checks = {
  lint: [['biome', 'ci', '--error-on-warnings', '.']],
  types: [['tsc', '-p', 'tsconfig.all.json']],
  law: [['vitest', 'run', '--project', 'plain', '--reporter', 'dot', 'test/law.test.ts']],
  unused: [['knip']],
  package: [checkPackage],
};

function run([command, ...args]) {
  const done = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NO_COLOR: '1' },
  });
  return done.status === 0
    ? undefined
    : `$ ${[command, ...args].join(' ')}\n${done.error?.message ?? ''}${done.stdout}${done.stderr}`;
}

/** What would be published: built, packed, and read as npm, Node and TypeScript will read it. */
function checkPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'samovar-pack-'));
  try {
    rmSync('dist', { recursive: true, force: true });
    const failure = run(['tsc']) ?? run(['npm', 'pack', '--ignore-scripts', '--pack-destination', folder]);
    if (failure !== undefined) return failure;
    const archive = join(folder, readdirSync(folder)[0]);
    return run(['publint', '--strict', archive]) ?? run(['attw', archive, '--profile', 'esm-only']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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
for (const [name, steps] of Object.entries(checks)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const failures = steps
    .map((step) => (typeof step === 'function' ? step() : run(step)))
    .filter((failure) => failure !== undefined);
  process.stdout.write(`${failures.length === 0 ? 'ok    ' : 'failed'} ${name}\n`);
  for (const failure of failures) process.stdout.write(`${failure.trimEnd()}\n\n`);
  if (failures.length === 0) passed += 1;
  else failed += 1;
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

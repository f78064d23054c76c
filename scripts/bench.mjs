// node scripts/bench.mjs [arguments of bench/run.ts]
// Compiles the benches and what they measure as the package is compiled, and runs them with plain Node: what compiles while it
// runs makes every function dearer than it is for those who install the package.
import { spawn, spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'bench')], { encoding: 'utf8' });
if (compiled.status !== 0) {
  process.stderr.write(`${compiled.stdout}${compiled.stderr}the benches cannot be compiled\n`);
  process.exit(1);
}
const run = join(root, 'bench', 'dist', 'bench', 'run.js');
const child = spawn(process.execPath, [run, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));

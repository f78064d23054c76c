#!/usr/bin/env -S node --
import { packageVersion } from '../src/files.ts';

const args = process.argv.slice(2);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`${packageVersion}\n`);
} else if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`samovar needs Node 20.19 or newer; this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { main } = await import('../cli/main.ts');
  await main(args);
}

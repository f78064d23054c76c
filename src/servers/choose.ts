import type { RedisProgram } from './find.ts';

export type PackageManager = 'apt-get' | 'dnf' | 'apk' | 'brew';

/** What this machine offers towards a Redis. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly redis?: RedisProgram | undefined;
  /** Docker's engine answers, not only its client. */
  readonly hasDocker: boolean;
  readonly isRoot: boolean;
  /** sudo works without asking for a password. */
  readonly hasSudo: boolean;
  readonly packageManager?: PackageManager | undefined;
}

/** A way to a Redis: run a program, a container, install a package first, or unpack one into a folder of our own. */
export type Way =
  | { readonly kind: 'program'; readonly program: RedisProgram }
  | { readonly kind: 'docker' }
  | { readonly kind: 'install'; readonly commands: readonly (readonly string[])[]; readonly line: string }
  | { readonly kind: 'unpack' };

/** The ways to a Redis on a machine, in the order they should be tried; none when there is none. */
export function chooseRedis(machine: Machine): Way[] {
  if (machine.platform === 'win32') return [];
  if (machine.redis) return [{ kind: 'program', program: machine.redis }];
  const ways: Way[] = [];
  if (machine.hasDocker) ways.push({ kind: 'docker' });
  const commands = installCommands(machine);
  if (commands.length > 0) ways.push({ kind: 'install', commands, line: commands[0]!.join(' ') });
  if (machine.packageManager === 'apt-get') ways.push({ kind: 'unpack' });
  return ways;
}

// Debian's redis-tools holds the server's program, and unlike redis-server starts no service when it is installed.
const packages: Record<PackageManager, readonly (readonly string[])[]> = {
  'apt-get': [['apt-get', 'install', '-y', '-q', '--no-install-recommends', 'redis-tools']],
  dnf: [
    ['dnf', 'install', '-y', '-q', 'valkey'],
    ['dnf', 'install', '-y', '-q', 'redis'],
  ],
  apk: [
    ['apk', 'add', '-q', 'redis'],
    ['apk', 'add', '-q', 'valkey'],
  ],
  brew: [['brew', 'install', '-q', 'redis']],
};

/** Commands that install a Redis, each to be tried if the one before gave none; none when we may not install. */
function installCommands({ packageManager, isRoot, hasSudo }: Machine): string[][] {
  if (packageManager === undefined) return [];
  const commands = packages[packageManager].map((command) => [...command]);
  // Homebrew belongs to the user and refuses root; the others need root.
  if (packageManager === 'brew') return isRoot ? [] : commands;
  if (isRoot) return commands;
  return hasSudo ? commands.map((command) => ['sudo', '-n', ...command]) : [];
}

const byHand = {
  Redis: { 'apt-get': 'redis-server', dnf: 'valkey', apk: 'redis', brew: 'redis' },
  Postgres: { 'apt-get': 'postgresql', dnf: 'postgresql-server', apk: 'postgresql', brew: 'postgresql@17' },
} as const;

/** What a person types to have a server on this machine. */
export function installLine(
  kind: 'Redis' | 'Postgres',
  machine: Pick<Machine, 'platform' | 'isRoot' | 'packageManager'>,
): string {
  const { platform, packageManager, isRoot } = machine;
  if (platform === 'win32') return 'run it under WSL: https://learn.microsoft.com/windows/wsl/install';
  const name = packageManager && byHand[kind][packageManager];
  if (packageManager === 'brew') return `brew install ${name}`;
  if (platform === 'darwin')
    return `install Homebrew (https://brew.sh), then: brew install ${byHand[kind].brew}`;
  if (name === undefined)
    return `install ${kind === 'Redis' ? 'Redis 6.2' : 'Postgres 14'} or later with your package manager`;
  return `${isRoot ? '' : 'sudo '}${packageManager} ${packageManager === 'apk' ? 'add' : 'install -y'} ${name}`;
}

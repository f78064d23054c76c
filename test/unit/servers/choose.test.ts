import { describe, expect, test } from 'vitest';
import { chooseRedis, installLine, type Machine, type PackageManager } from '../../../src/servers/choose.ts';

const bare: Machine = { platform: 'linux', hasDocker: false, isRoot: false, hasSudo: false };
const program = { file: '/usr/bin/redis-server', argv0: 'redis-server' };
const commandsOf = (machine: Machine): string[] =>
  chooseRedis(machine).flatMap((way) =>
    way.kind === 'install' ? way.commands.map((each) => each.join(' ')) : [],
  );
const kindsOf = (machine: Machine): string[] => chooseRedis(machine).map((way) => way.kind);

describe('where Redis comes from', () => {
  test('a program on the machine is the only way when there is one', () => {
    const machine: Machine = {
      ...bare,
      redis: program,
      hasDocker: true,
      isRoot: true,
      packageManager: 'apt-get',
    };
    expect(chooseRedis(machine)).toEqual([{ kind: 'program', program }]);
  });

  test('else Docker, then the package manager, then unpacking for oneself', () => {
    const machine: Machine = { ...bare, hasDocker: true, isRoot: true, packageManager: 'apt-get' };
    expect(kindsOf(machine)).toEqual(['docker', 'install', 'unpack']);
  });

  test('root installs as it is, another with sudo where that asks for no password', () => {
    const apt = 'apt-get install -y -q --no-install-recommends redis-tools';
    expect(commandsOf({ ...bare, packageManager: 'apt-get', isRoot: true, hasSudo: true })).toEqual([apt]);
    expect(commandsOf({ ...bare, packageManager: 'apt-get', hasSudo: true })).toEqual([`sudo -n ${apt}`]);
  });

  test('on Debian an ordinary user unpacks the package', () => {
    expect(kindsOf({ ...bare, packageManager: 'apt-get' })).toEqual(['unpack']);
  });

  test('Fedora tries valkey before redis, Alpine redis before valkey', () => {
    expect(commandsOf({ ...bare, packageManager: 'dnf', isRoot: true })).toEqual([
      'dnf install -y -q valkey',
      'dnf install -y -q redis',
    ]);
    expect(commandsOf({ ...bare, packageManager: 'apk', hasSudo: true })).toEqual([
      'sudo -n apk add -q redis',
      'sudo -n apk add -q valkey',
    ]);
  });

  test('Homebrew is used by its user, without sudo, and never by root', () => {
    const mac: Machine = { ...bare, platform: 'darwin', packageManager: 'brew' };
    expect(commandsOf({ ...mac, hasSudo: true })).toEqual(['brew install -q redis']);
    expect(kindsOf({ ...mac, isRoot: true })).toEqual([]);
  });

  test('no way without Docker, root, sudo or apt, nor on Windows', () => {
    expect(kindsOf(bare)).toEqual([]);
    expect(kindsOf({ ...bare, packageManager: 'dnf' })).toEqual([]);
    expect(kindsOf({ ...bare, platform: 'win32', hasDocker: true, redis: program })).toEqual([]);
  });
});

test.each<[NodeJS.Platform, PackageManager | undefined, boolean, string, string]>([
  ['linux', 'apt-get', false, 'sudo apt-get install -y redis-server', 'sudo apt-get install -y postgresql'],
  ['linux', 'apt-get', true, 'apt-get install -y redis-server', 'apt-get install -y postgresql'],
  ['linux', 'dnf', false, 'sudo dnf install -y valkey', 'sudo dnf install -y postgresql-server'],
  ['linux', 'apk', true, 'apk add redis', 'apk add postgresql'],
  ['linux', 'brew', false, 'brew install redis', 'brew install postgresql@17'],
  ['darwin', 'brew', false, 'brew install redis', 'brew install postgresql@17'],
  [
    'darwin',
    undefined,
    false,
    'install Homebrew (https://brew.sh), then: brew install redis',
    'install Homebrew (https://brew.sh), then: brew install postgresql@17',
  ],
  [
    'linux',
    undefined,
    false,
    'install Redis 6.2 or later with your package manager',
    'install Postgres 14 or later with your package manager',
  ],
  [
    'win32',
    undefined,
    false,
    'run it under WSL: https://learn.microsoft.com/windows/wsl/install',
    'run it under WSL: https://learn.microsoft.com/windows/wsl/install',
  ],
])('on %s with %s (root: %s) a person types', (platform, packageManager, isRoot, redis, postgres) => {
  expect(installLine('Redis', { platform, packageManager, isRoot })).toBe(redis);
  expect(installLine('Postgres', { platform, packageManager, isRoot })).toBe(postgres);
});

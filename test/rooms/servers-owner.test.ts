import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/files.ts';
import { isAlive } from '../../src/servers/processes.ts';
import { until } from '../support/index.ts';
import { isPortFree } from '../support/ports.ts';

interface Owned {
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
}

const ownerScript = join(packageRoot, 'test/support/server-owner.ts');

async function own(...args: string[]): Promise<{ owner: ChildProcess; server: Owned; said: () => string }> {
  const owner = spawn(process.execPath, ['--import', 'tsx', ownerScript, ...args], {
    cwd: packageRoot,
    stdio: 'pipe',
  });
  let said = '';
  owner.stderr!.on('data', (chunk) => (said += chunk));
  const [line] = await once(owner.stdout!, 'data');
  return { owner, server: JSON.parse(String(line)), said: () => said };
}

const isGone = async ({ pid, port, folder }: Owned): Promise<boolean> =>
  !isAlive(pid) && !existsSync(folder) && (await isPortFree(port));

describe.each(['redis', 'postgres'])('a private %s', (kind) => {
  test.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'is gone after %s to its owner',
    async (signal) => {
      const { owner, server } = await own(kind);
      expect(isAlive(server.pid)).toBe(true);
      expect(await isGone(server)).toBe(false);
      const exited = once(owner, 'exit');
      owner.kill(signal);
      await exited;
      await until(() => isGone(server), `${kind}, its folder and its port are gone`);
    },
  );

  test('is gone after kill -9 to its owner even while it is frozen', async () => {
    const { owner, server } = await own(kind, 'paused');
    const exited = once(owner, 'exit');
    owner.kill('SIGKILL');
    await exited;
    await until(() => isGone(server), `the frozen ${kind}, its folder and its port are gone`);
  });

  test.each([
    ['return', 0],
    ['exit', 7],
    ['throw', 1],
  ])('is gone the moment its owner has ended by %s', async (end, code) => {
    const { owner, server } = await own(kind);
    const exited = once(owner, 'exit');
    owner.stdin!.end(`${end}\n`);
    expect(await exited).toEqual([code, null]);
    expect(existsSync(server.folder)).toBe(false);
    await until(() => !isAlive(server.pid), 'the server is collected');
    expect(await isPortFree(server.port)).toBe(true);
  });
});

test('a Postgres still being made is gone after kill -9 to its owner', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'samovar-owner-'));
  chmodSync(temporary, 0o755);
  const owner = spawn(process.execPath, ['--import', 'tsx', ownerScript, 'postgres'], {
    cwd: packageRoot,
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: temporary },
  });
  const made = () =>
    readdirSync(temporary).filter((name) => existsSync(join(temporary, name, 'data', 'base')));
  await until(() => made().length > 0, 'initdb is at work');
  const exited = once(owner, 'exit');
  owner.kill('SIGKILL');
  await exited;
  await until(() => made().length === 0, 'what initdb wrote is gone');
  rmSync(temporary, { recursive: true });
});

import type { Machine, PackageManager } from './choose.ts';
import { findProgram, findRedis } from './find.ts';
import { isRoot } from './folder.ts';
import { run } from './run.ts';

const managers: readonly PackageManager[] = ['apt-get', 'dnf', 'apk', 'brew'];

/** Looks at this machine; asks Docker and sudo only when there is no Redis to run. */
export async function inspectMachine(): Promise<Machine> {
  const redis = findRedis();
  const base = { ...installersHere(), redis };
  if (redis) return { ...base, hasDocker: false, hasSudo: false };
  const [docker, sudo] = await Promise.all([
    hasDocker(),
    run(['sudo', '-n', 'true'], { timeoutMs: 5_000 }).then(({ isOk }) => isOk),
  ]);
  return { ...base, hasDocker: docker, hasSudo: sudo };
}

/** True when Docker's engine answers; its client alone says nothing. */
export async function hasDocker(): Promise<boolean> {
  const asked = await run(['docker', 'info', '--format', '{{.ServerVersion}}'], { timeoutMs: 5_000 });
  return asked.isOk && asked.output.trim() !== '';
}

/** What decides how a person would install something. */
export const installersHere = (): Pick<Machine, 'platform' | 'isRoot' | 'packageManager'> => ({
  platform: process.platform,
  isRoot: isRoot(),
  packageManager: managers.find((name) => findProgram([name]) !== undefined),
});

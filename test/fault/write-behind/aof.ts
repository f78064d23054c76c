import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from '../../../src/connect.ts';
import { findProgram } from '../../../src/servers/find.ts';

/** Seconds of the server's clock. */
export const redisTime = async (redis: Redis): Promise<number> => Number((await redis.time())[0]);

/** What a Redis (killed, `aof-timestamp-enabled`) wrote to disk after a second of its clock is gone, as after a loss of power. */
export function cutTail(folder: string, second: number): void {
  const program = findProgram(['redis-check-aof', 'valkey-check-aof']);
  if (program === undefined) throw new Error('there is no redis-check-aof here');
  const manifest = join(folder, 'appendonlydir', 'appendonly.aof.manifest');
  const done = spawnSync(program, ['--truncate-to-timestamp', String(second), manifest], {
    argv0: 'redis-check-aof',
    input: 'y\n',
    encoding: 'utf8',
  });
  if (!/Successfully truncated/.test(done.stdout))
    throw new Error(`redis-check-aof: ${done.stdout}${done.stderr}`);
}

/** The last command that was written down is there in part. */
export function cutCommand(folder: string, bytes: number): void {
  const files = join(folder, 'appendonlydir');
  const last = readdirSync(files)
    .filter((file) => file.includes('.incr.'))
    .sort()
    .at(-1)!;
  truncateSync(join(files, last), statSync(join(files, last)).size - bytes);
}

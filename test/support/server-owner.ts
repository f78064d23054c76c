/**
 * A process that owns servers, to be ended by a test in all the ways a process ends. Says what it started as one line of
 * JSON, then waits for a line on stdin: `return` (main ends without stopping anything), `throw`, `exit`.
 */
import { once } from 'node:events';
import { systemClock } from '../../src/clock.ts';
import { startPostgres } from '../../src/servers/postgres.ts';
import { startRedis } from '../../src/servers/redis.ts';

const server = process.argv[2] === 'redis' ? await startRedis({ role: 'cache' }) : await startPostgres();
if (process.argv[3] === 'paused') await server.pause();
process.stdout.write(`${JSON.stringify({ pid: server.pid, port: server.port, folder: server.folder })}\n`);

const [line] = await once(process.stdin, 'data');
process.stdin.destroy();
switch (String(line).trim()) {
  case 'throw':
    throw new Error('the owner fails');
  case 'exit':
    systemClock.after(60_000, () => {});
    process.exit(7);
}

import { afterAll } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openServers } from '../../src/servers/reaper.ts';

/** Runs in every test file: takes the servers' URLs out of its environment and fails it if it leaves something open. */
// Processes that tests start from the sources would leave a folder of compiled files behind.
process.env['TSX_DISABLE_CACHE'] = '1';
for (const name of ['REDIS_URL', 'QUEUE_REDIS_URL', 'BUFFER_REDIS_URL', 'DATABASE_URL'])
  delete process.env[name];

const intervals = new Map<NodeJS.Timeout, string>();
const { setInterval: startInterval, clearInterval: endInterval } = globalThis;

// Background timers are unref'd, so the runtime's own list of what is active does not show them.
globalThis.setInterval = ((...given: Parameters<typeof setInterval>) => {
  const timer = startInterval(...given);
  intervals.set(timer, new Error().stack?.split('\n').slice(2, 6).join('\n') ?? '');
  return timer;
}) as typeof setInterval;
globalThis.clearInterval = (timer) => {
  intervals.delete(timer as NodeJS.Timeout);
  endInterval(timer);
};

const active = (): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

const watched = [
  'TCPSocketWrap',
  'TCPServerWrap',
  'PipeWrap',
  'ProcessWrap',
  'Timeout',
  'FSEventWrap',
  'StatWatcher',
];
const before = active();

const left = (): string[] => {
  const now = active();
  const found = watched.flatMap((name) => {
    const more = (now.get(name) ?? 0) - (before.get(name) ?? 0);
    return more > 0 ? [`${more} ${name}`] : [];
  });
  if (openServers() > 0) found.push(`${openServers()} server(s) of src/servers not stopped`);
  for (const stack of intervals.values()) found.push(`an interval set at\n${stack}`);
  return found;
};

// Sockets take a moment to close after they were told to, hence the grace.
const graceMs = 3_000;
// A BullMQ worker that was closed while it waited for a job over a connection that had broken keeps a timer of six seconds.
const timerGraceMs = 8_000;
const onlyTimer = '1 Timeout';

afterAll(async () => {
  const from = systemClock.elapsed();
  // Our own wait is one timeout, and is over when we look.
  const isWaiting = (found: string[]): boolean => {
    const ms = found.join() === onlyTimer ? timerGraceMs : graceMs;
    return found.length > 0 && systemClock.elapsed() - from < ms;
  };
  while (isWaiting(left())) await systemClock.sleep(20);
  const found = left();
  if (found.length > 0) throw new Error(`this test file leaves open: ${found.join(', ')}`);
});

import { systemClock } from '../src/clock.ts';
import { openRedis } from '../src/connect.ts';
import { atMost, type Bench, type BenchContext, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import type { Stampede, StampedeSetup } from './frame/stampede.ts';
import { interleave, median } from './frame/stats.ts';

interface Outcome {
  readonly ms: number;
  readonly loadsPerKey: number;
}

const file = frameFile('stampede');
const processes = 4;
const keys = 50;
/** Of all processes together, for each key. */
const callers = 200;
const perfect = 'a perfect run';
/** Until all processes have heard when to begin. */
const noticeMs = 40;
/** Processes that have served for a while are compared: what is called once for a key is compiled by then. */
const warmUps = { most: 100, longestMs: 8_000 };
const counted = { most: 25, longestMs: 2_500 };
const fewestGoes = 2;

const subjects: Readonly<Record<string, string>> = {
  perfect,
  samovar: 'Samovar',
  bentocache: 'bentocache',
  cacheable: 'cacheable',
  'cache-manager': 'cache-manager',
  'async-cache-dedupe': 'async-cache-dedupe',
  cachified: 'cachified',
  keyv: 'keyv',
};

export const bench: Bench = {
  about: `${callers} callers of each of ${keys} cold keys in ${processes} processes, a loader of 20 ms, against a run in which all is agreed upon`,
  peers: [
    'bentocache',
    'cacheable',
    'cache-manager',
    'async-cache-dedupe',
    '@epic-web/cachified',
    'keyv',
    '@keyv/redis',
    'ioredis',
  ],
  async run(context) {
    const [cache, queue] = await Promise.all([context.redis('cache'), context.redis('queue')]);
    const redis = openRedis({ role: 'cache', url: cache.url, from: 'the bench' });
    await redis.connect();
    const measure = async (subject: string) => {
      const fleet = await openFleet(context, subject, { cacheUrl: cache.url, queueUrl: queue.url });
      const go = () => stampede(fleet, `${subject}-${Math.random()}`);
      const first = await go();
      await upTo(context.quick ? { most: 20, longestMs: 2_000 } : warmUps, go);
      const outcomes = await upTo(counted, go);
      await Promise.all(fleet.map((process) => process.kill()));
      await redis.flushall();
      return {
        firstMs: first.ms,
        ms: median(outcomes.map(({ ms }) => ms)),
        loadsPerKey: Math.max(...outcomes.map(({ loadsPerKey }) => loadsPerKey)),
      };
    };
    try {
      const results = await interleave(
        context.rounds,
        Object.fromEntries(Object.keys(subjects).map((name) => [name, () => measure(name)])),
      );
      return report(results);
    } finally {
      redis.disconnect();
    }
  },
};

/** So many goes, but fewer of those that take long. */
async function upTo({ most, longestMs }: typeof counted, go: () => Promise<Outcome>): Promise<Outcome[]> {
  const until = systemClock.elapsed() + longestMs;
  const outcomes: Outcome[] = [];
  while (outcomes.length < most && (outcomes.length < fewestGoes || systemClock.elapsed() < until))
    outcomes.push(await go());
  return outcomes;
}

async function openFleet(
  context: BenchContext,
  subject: string,
  urls: Pick<StampedeSetup, 'cacheUrl' | 'queueUrl'>,
) {
  const fleet = Array.from({ length: processes }, () => context.child(file));
  await Promise.all(
    fleet.map((process, index) =>
      process.ask('open', { subject, ...urls, index, processes } satisfies StampedeSetup),
    ),
  );
  return fleet;
}

async function stampede(fleet: Awaited<ReturnType<typeof openFleet>>, name: string): Promise<Outcome> {
  const at = systemClock.now() + noticeMs;
  const task: Stampede = { name, keys, callers: callers / processes, at };
  const ended = await Promise.all(
    fleet.map((process) => process.ask<{ loads: number; endedAt: number }>('run', task)),
  );
  return {
    ms: Math.max(...ended.map(({ endedAt }) => endedAt)) - at,
    loadsPerKey: ended.reduce((sum, { loads }) => sum + loads, 0) / keys,
  };
}

function report(results: Record<string, readonly (Outcome & { readonly firstMs: number })[]>) {
  const firstMs = (name: string) => median(results[name]!.map((outcome) => outcome.firstMs));
  const ms = (name: string) => median(results[name]!.map((outcome) => outcome.ms));
  const loads = (name: string) => Math.max(...results[name]!.map(({ loadsPerKey }) => loadsPerKey));
  const rows = Object.entries(subjects).flatMap(([name, what]): BenchRow[] => [
    { what, value: ms(name), unit: 'ms', ratio: ms(name) / ms('perfect'), against: perfect },
    {
      what: `${what}: first of new processes`,
      value: firstMs(name),
      unit: 'ms',
      ratio: firstMs(name) / firstMs('perfect'),
      against: perfect,
    },
    { what: `${what}: loads`, value: loads(name), unit: 'per key, at most' },
  ]);
  return {
    rows,
    targets: [
      atMost('Samovar: loads per key', loads('samovar'), 1),
      atMost(`Samovar / ${perfect}`, ms('samovar') / ms('perfect'), 1.5),
    ],
  };
}

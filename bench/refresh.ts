import { demoShop, shopReads } from '../src/demo/shop.ts';
import { readTrace } from '../src/demo/trace.ts';
import { dayMs, hourMs, humanDuration } from '../src/duration.ts';
import {
  always,
  type RefreshOutcome,
  type RefreshPolicy,
  readAtLeast,
  removedAt,
  simulateRefresh,
  worthAbove,
} from '../src/forecast/refresh-ahead.ts';
import { createTraffic, type Traffic } from '../src/forecast/traffic.ts';
import { atLeast, type Bench, type BenchRow } from './bench.ts';

const thresholds = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8] as const;
const usual = 0.7;
const counts = [1, 2, 3, 5] as const;
/** Loads beyond those without refreshing that are thought bearable. */
const bearable = 0.2;
const enough = { shop: 0.4, trace: 0.26 };
const percent = (share: number) => Math.round(1_000 * share) / 10;

export const bench: Bench = {
  about: 'misses that refreshing ahead spares of those that expiry causes, at a fifth more loads',
  async run(context) {
    const { trace } = context;
    const ttlMs = trace ? (trace.ttlMs ?? dayMs) : 6 * hourMs;
    const traffic = trace ? await traceTraffic(trace.file) : shopTraffic(context.quick ? 2 : 4);
    context.log(
      `${traffic.keys.length} reads of ${traffic.names.length} keys, a ttl of ${humanDuration(ttlMs)}`,
    );
    const policies = {
      ...named('worth above', thresholds, worthAbove),
      ...named('reads of the last ttl, at least', counts, readAtLeast),
      'everything, always': always,
    };
    const outcomes = simulateRefresh(traffic, { ttlMs }, policies);
    const curve = (name: string) =>
      Object.entries(outcomes).flatMap(([key, each]) => (key.startsWith(name) ? [each] : []));
    const worth = removedAt(curve('worth'), bearable);
    const rows: BenchRow[] = [
      { what: 'worth: expiry misses removed at +20 % loads', value: percent(worth), unit: '%' },
      {
        what: 'reads of the last ttl: the same',
        value: percent(removedAt(curve('reads'), bearable)),
        unit: '%',
      },
      ...Object.entries(outcomes).flatMap(([name, outcome]) => rowsOf(name, outcome)),
    ];
    const limit = trace ? enough.trace : enough.shop;
    return {
      rows,
      targets: [atLeast('% of expiry misses removed at +20 % loads', percent(worth), 100 * limit)],
    };
  },
};

const named = (name: string, values: readonly number[], policy: (value: number) => RefreshPolicy) =>
  Object.fromEntries(values.map((value) => [`${name} ${value}`, policy(value)]));

function rowsOf(name: string, { removed, extraLoads, unread, refreshes }: RefreshOutcome): BenchRow[] {
  const rows = [
    { what: `${name}: expiry misses removed`, value: percent(removed), unit: '%' },
    { what: `${name}: more loads`, value: percent(extraLoads), unit: '%' },
  ];
  if (name !== `worth above ${usual}`) return rows;
  return [...rows, { what: `${name}: refreshes nobody read`, value: percent(unread / refreshes), unit: '%' }];
}

async function traceTraffic(file: string): Promise<Traffic> {
  const traffic = createTraffic();
  for await (const { epochSeconds, key } of readTrace(file)) traffic.add(key, epochSeconds);
  return traffic.build();
}

/** What people read in the demo's shop, every read of it. */
function shopTraffic(days: number): Traffic {
  const traffic = createTraffic();
  const firstSecond = (480_000 * hourMs) / 1_000;
  for (const { at, product, caller } of shopReads({ ...demoShop, seed: 42, days, logged: 1 }))
    if (caller === 'user') traffic.add(String(product), firstSecond + at / 1_000);
  return traffic.build();
}

import { atLeast, type Bench, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import type { MemorySetup, Reading } from './frame/memory.ts';
import { interleave, median } from './frame/stats.ts';

const file = frameFile('memory');
const names = [
  'lru-cache',
  'samovar',
  'async-cache-dedupe',
  'bentocache',
  'cachified',
  'samovar copies',
  'bentocache copies',
  'cacheable copies',
  'cache-manager copies',
  'keyv copies',
];
const counts = [1, 32];
const bare = 'lru-cache';

export const bench: Bench = {
  about: 'reads answered in memory, 1 KB, Zipf: against bare lru-cache, and others',
  peers: [
    'lru-cache',
    'async-cache-dedupe',
    'bentocache',
    '@epic-web/cachified',
    'cacheable',
    'cache-manager',
    'keyv',
  ],
  async run(context) {
    const [cache, queue] = await Promise.all([context.redis('cache'), context.redis('queue')]);
    const ms = context.quick ? 300 : 1_000;
    const measure = async (subject: string): Promise<number[]> => {
      const process = context.child(file);
      const setup: MemorySetup = { subject, cacheUrl: cache.url, queueUrl: queue.url, keys: 10_000 };
      await process.ask('open', setup);
      const rates: number[] = [];
      for (const callers of counts) {
        await process.ask('run', { ms: 200, callers } satisfies Reading);
        rates.push(await process.ask<number>('run', { ms, callers } satisfies Reading));
      }
      await process.kill();
      return rates;
    };
    const results = await interleave(
      context.rounds,
      Object.fromEntries(names.map((name) => [name, () => measure(name)])),
    );
    const of = (name: string, at: number) => median(results[name]!.map((rates) => rates[at]!));
    const rows = counts.flatMap((callers, at) =>
      names.map(
        (name): BenchRow => ({
          what: `${name === 'samovar' ? 'Samovar' : name.replace('samovar', 'Samovar')}, ${callers} callers`,
          value: of(name, at),
          unit: 'reads/s',
          ratio: of(name, at) / of(bare, at),
          against: bare,
        }),
      ),
    );
    const best = (kind: 'copies' | 'shared') =>
      Math.max(
        ...names
          .filter(
            (name) =>
              name !== bare && !name.startsWith('samovar') && name.endsWith('copies') === (kind === 'copies'),
          )
          .map((name) => of(name, 1)),
      );
    return {
      rows,
      targets: [
        atLeast(`Samovar, shared / ${bare}, 32 callers`, of('samovar', 1) / of(bare, 1), 0.8),
        atLeast('Samovar, copies / the best peer with copies', of('samovar copies', 1) / best('copies'), 5),
      ],
    };
  },
};

import { openRedis } from '../src/connect.ts';
import { atMost, type Bench, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import { peerNames, peerPackages } from './frame/peer-names.ts';
import type { SubjectSetup, Way } from './frame/subject.ts';

const subjectFile = frameFile('subject');
const ways: Readonly<Record<Way, string>> = {
  key: 'deleted',
  tag: 'invalidated by tag',
  clear: 'cleared with all others',
  flush: 'flushed away (FLUSHALL)',
};
const atOnce = 100;

export const bench: Bench = {
  about: 'values that come back after an invalidation during their load, beside the other caches',
  peers: peerPackages,
  async run(context) {
    const tries = context.quick ? 200 : 10_000;
    // What always happens, or never, is seen in fewer.
    const peerTries = context.quick ? 100 : 500;
    const [cache, queue] = await Promise.all([context.redis('cache'), context.redis('queue')]);
    const redis = openRedis({ role: 'cache', url: cache.url, from: 'the bench' });
    const rows: BenchRow[] = [];
    try {
      await redis.connect();
      const names = peerNames.filter((name) => !name.startsWith('ioredis, '));
      for (const subject of names) {
        const child = context.child(subjectFile);
        const setup: SubjectSetup = { subject, cacheUrl: cache.url, queueUrl: queue.url };
        const has = await child.ask<{ hasTags: boolean; hasClear: boolean }>('open', setup);
        context.log(subject);
        for (const way of Object.keys(ways) as Way[]) {
          if ((way === 'tag' && !has.hasTags) || (way === 'clear' && !has.hasClear)) continue;
          await redis.flushall();
          const rounds = (subject === 'samovar' ? tries : peerTries) / atOnce;
          let stale = 0;
          for (let round = 0; round < rounds; round++) {
            await child.ask('begin', { way, round, tries: atOnce });
            if (way === 'flush') await redis.flushall();
            else await child.ask('invalidate', way);
            stale += await child.ask<number>('end');
          }
          rows.push({
            what: `${subject}: ${ways[way]}`,
            value: (stale * 10_000) / (rounds * atOnce),
            unit: 'old values in 10,000',
          });
        }
        await child.kill();
      }
    } finally {
      redis.disconnect();
    }
    const targets = rows
      .filter(({ what }) => what.startsWith('samovar'))
      .map(({ what, value }) => atMost(what, value, 0));
    return { rows, targets };
  },
};

import { atLeast, type Bench, type BenchRow } from './bench.ts';
import { type Child, frameFile } from './frame/child.ts';
import { peerNames, peerPackages } from './frame/peer-names.ts';
import { interleave, median } from './frame/stats.ts';
import type { ReadSetup, SubjectSetup } from './frame/subject.ts';

const subjectFile = frameFile('subject');
const names = peerNames;
const raw = ['ioredis', 'ioredis, auto-pipelining'];
const counts = [1, 32, 256] as const;

export const bench: Bench = {
  about: 'hits through Redis, 1 KB of JSON, 10,000 keys by a Zipf law, beside the other caches',
  peers: peerPackages,
  async run(context) {
    const keys = context.quick ? 1_000 : 10_000;
    // Many short turns: a machine that others share is slow for seconds, and then for all of them alike.
    const [turns, ms] = context.quick ? [3, 100] : [12, 150];
    const [cache, queue] = await Promise.all([
      context.redis('cache', { maxMemory: '1gb' }),
      context.redis('queue'),
    ]);
    const subjects = new Map<string, Child>();
    for (const [i, subject] of names.entries()) {
      const child = context.child(subjectFile);
      // A logical database each: several of them would have the same keys.
      const setup = { subject, cacheUrl: `${cache.url}/${i}`, queueUrl: `${queue.url}/${i}` };
      await child.ask('open', setup satisfies SubjectSetup);
      await child.ask('fill', keys);
      subjects.set(subject, child);
    }
    const measures = counts.flatMap((callers) =>
      names.map((name) => [`${name}|${callers}`, { name, callers }] as const),
    );
    context.log(`${measures.length} measurements, ${context.rounds * turns} turns of ${ms} ms each`);
    const results = await interleave<string, number>(
      context.rounds * turns,
      Object.fromEntries(
        measures.map(([label, { name, callers }]) => [
          label,
          () => subjects.get(name)!.ask<number>('read', { keys, callers, ms } satisfies ReadSetup),
        ]),
      ),
      { warmUp: true },
    );
    const perSecond = (name: string, callers: number) => median(results[`${name}|${callers}`]!);
    /** Turn by turn, so that a machine which is slow for a while is so for both. */
    const ratio = (a: string, b: string, callers: number) =>
      median(results[`${a}|${callers}`]!.map((value, turn) => value / results[`${b}|${callers}`]![turn]!));
    const best = (among: readonly string[], callers: number) =>
      among.reduce((a, b) => (perSecond(b, callers) > perSecond(a, callers) ? b : a));

    const rows: BenchRow[] = counts.flatMap((callers) =>
      names.map((name) => ({
        what: `${callers} ${callers === 1 ? 'caller' : 'callers'}: ${name}`,
        value: perSecond(name, callers),
        unit: 'hits/s',
        ratio: ratio(name, 'ioredis', callers),
        against: 'ioredis',
      })),
    );
    const others = names.filter((name) => name !== 'samovar' && !raw.includes(name));
    return {
      rows,
      targets: [
        atLeast('1 caller: Samovar / ioredis GET and JSON.parse', ratio('samovar', 'ioredis', 1), 0.95),
        ...([32, 256] as const).map((callers) => {
          const mode = best(raw, callers);
          return atLeast(`${callers} callers: Samovar / ${mode}`, ratio('samovar', mode, callers), 1.5);
        }),
        ...counts.map((callers) => {
          const peer = best(others, callers);
          return atLeast(`${callers}: Samovar / the best peer, ${peer}`, ratio('samovar', peer, callers), 1);
        }),
      ],
    };
  },
};

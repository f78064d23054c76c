import { systemClock } from '../src/clock.ts';
import { startProxy } from '../test/support/proxy.ts';
import { atMost, type Bench, type BenchContext, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import { type PeerName, peerNames, peerPackages } from './frame/peer-names.ts';
import type { Answers, SubjectSetup } from './frame/subject.ts';

const subjectFile = frameFile('subject');
/** Nobody waits longer for a page. */
const limitMs = 1_000;
/** How long after Redis is back a deletion counts as lost. */
const graceMs = 3_000;
const range = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}:${i}`);

const faults = ['refused', 'black hole', 'killed mid-call'] as const;
type Fault = (typeof faults)[number];
/** Enough to see that all of it works. */
const quickNames: readonly PeerName[] = ['samovar', 'bentocache', 'cacheable'];

interface Outcome extends Answers {
  readonly lost: number;
  readonly uncaught: number;
}

/** A Redis of its own that keeps what it has through a restart, with a proxy before it. */
async function suffer(context: BenchContext, subject: PeerName, fault: Fault): Promise<Outcome> {
  const [server, queue] = await Promise.all([
    context.redis('cache', { appendOnly: true, settings: { appendfsync: 'always' } }),
    context.redis('queue'),
  ]);
  const proxy = await startProxy(server.url);
  const child = context.child(subjectFile);
  try {
    const setup: SubjectSetup = { subject, cacheUrl: proxy.url, queueUrl: queue.url, failsFast: true };
    await child.ask('open', setup);
    const known = range('known', 20);
    await child.ask('answers', { ids: known, limitMs });
    await systemClock.sleep(100);
    let first: Promise<Answers> | undefined;
    if (fault === 'refused') proxy.refuse();
    else await server.pause();
    if (fault === 'killed mid-call') {
      first = child.ask<Answers>('answers', { ids: ['during:0'], limitMs });
      await systemClock.sleep(20);
      await server.kill();
    }
    const during = await child.ask<Answers>('answers', { ids: range('during', 10), limitMs });
    const called = first === undefined ? during : await first;
    await child.ask('change', { ids: known, limitMs });
    if (fault === 'refused') proxy.pass();
    else if (fault === 'black hole') await server.resume();
    else await server.restart();
    // Another process looks at what Redis has now: this one may answer from its loader for a while.
    const witness = context.child(subjectFile);
    await witness.ask('open', { subject, cacheUrl: server.url, queueUrl: queue.url } satisfies SubjectSetup);
    await witness.ask('change', { ids: [], limitMs });
    let lost = known.length;
    const until = systemClock.elapsed() + graceMs;
    do {
      await systemClock.sleep(100);
      lost = await witness.ask<number>('stale', { ids: known, limitMs });
    } while (lost > 0 && systemClock.elapsed() < until);
    await witness.kill();
    return {
      ...during,
      firstMs: Math.max(during.firstMs, called.firstMs),
      unanswered: during.unanswered + (first === undefined ? 0 : called.unanswered),
      asked: during.asked + (first === undefined ? 0 : called.asked),
      lost,
      uncaught: await child.ask<number>('uncaught'),
    };
  } finally {
    await child.kill();
    await proxy.close();
    await Promise.all([server.stop(), queue.stop()]);
  }
}

export const bench: Bench = {
  about: 'answers and deletions while Redis is away, beside the other caches with clients that fail fast',
  peers: peerPackages,
  async run(context) {
    const rows: BenchRow[] = [];
    const names = peerNames.filter((name) =>
      context.quick ? quickNames.includes(name) : !name.startsWith('ioredis, '),
    );
    const outcomes = new Map<string, Outcome>();
    for (const subject of names) {
      const meet = async (fault: Fault) => {
        context.log(`${fault}: ${subject}`);
        outcomes.set(`${fault}: ${subject}`, await suffer(context, subject, fault));
      };
      // Faults at once disturb each other: Samovar is told apart from them.
      if (context.quick && subject !== 'samovar') await Promise.all(faults.map(meet));
      else for (const fault of faults) await meet(fault);
    }
    const worst = { ms: 0, lost: 0, unanswered: 0, uncaught: 0 };
    for (const fault of faults) {
      for (const subject of names) {
        const what = `${fault}: ${subject}`;
        const outcome = outcomes.get(what)!;
        rows.push(
          { what: `${what}, longest answer`, value: outcome.firstMs, unit: 'ms' },
          { what: `${what}, usual answer`, value: outcome.middleMs, unit: 'ms' },
          { what: `${what}, no answer`, value: outcome.unanswered, unit: `of ${outcome.asked}` },
          { what: `${what}, deletions lost`, value: outcome.lost, unit: 'of 20' },
        );
        if (outcome.uncaught > 0)
          rows.push({ what: `${what}, errors nobody caught`, value: outcome.uncaught, unit: '' });
        if (subject !== 'samovar') continue;
        worst.ms = Math.max(worst.ms, outcome.firstMs);
        worst.lost += outcome.lost;
        worst.unanswered += outcome.unanswered;
        worst.uncaught += outcome.uncaught;
      }
    }
    return {
      rows,
      targets: [
        // 250 ms for Redis, and what a busy machine adds.
        atMost('Samovar: the longest answer, ms', worst.ms, 400),
        atMost('Samovar: reads without an answer', worst.unanswered, 0),
        atMost('Samovar: deletions lost', worst.lost, 0),
        atMost('Samovar: errors nobody caught', worst.uncaught, 0),
      ],
    };
  },
};

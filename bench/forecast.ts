import { systemClock as clock } from '../src/clock.ts';
import { replay } from '../src/forecast/replay.ts';
import { createTraffic } from '../src/forecast/traffic.ts';
import { atMost, type Bench, type BenchRow } from './bench.ts';
import { frameFile } from './frame/child.ts';
import type { Folded } from './frame/forecaster.ts';
import { median } from './frame/stats.ts';

const forecasterFile = frameFile('forecaster');
const top = 10_000;
const mostMs = 2_000;
const mostMb = 200;
const mostReplayMs = 20_000;

export const bench: Bench = {
  about:
    'forecasting a million keys: folding an hour, judging every expert by it, the best 10,000; a replay of a million reads',
  async run(context) {
    const keys = context.quick ? 20_000 : 1_000_000;
    const server = await context.postgres({ shared_buffers: '512MB', max_wal_size: '4GB' });
    const child = context.child(forecasterFile);
    context.log(`${keys.toLocaleString('en-US')} keys`);
    await child.ask('fill', { url: server.url, keys });
    const rounds: Folded[] = [];
    // The first hour finds no expert's learning and an empty page cache: it is not counted.
    for (let i = 0; i <= context.rounds; i++) {
      const round = await child.ask<Folded>('round', { top });
      if (i > 0) rounds.push(round);
      context.log(
        `hour ${i}: fold ${Math.round(round.foldMs)} ms, forecast ${Math.round(round.forecastMs)} ms`,
      );
    }
    const { peakMb } = await child.ask<{ peakMb: number }>('usage');
    await child.ask('close');
    await child.kill();
    const of = (part: (round: Folded) => number) => median(rounds.map(part));
    const scanMs = of(({ scanMs }) => scanMs);
    const scan = 'the states read through once by Postgres';
    const rate = (ms: number) => ({ ratio: ms / scanMs, against: scan });
    const allMs = of(({ foldMs, forecastMs }) => foldMs + forecastMs);

    context.log('replay');
    const reads = context.quick ? 50_000 : 1_000_000;
    const from = clock.elapsed();
    await replay(trafficOf(reads));
    const replayMs = clock.elapsed() - from;

    const rows: BenchRow[] = [
      { what: scan, value: scanMs, unit: 'ms' },
      {
        what: 'an hour folded, every expert judged by it',
        value: of(({ foldMs }) => foldMs),
        unit: 'ms',
        ...rate(of(({ foldMs }) => foldMs)),
      },
      {
        what: 'the best 10,000 of them',
        value: of(({ forecastMs }) => forecastMs),
        unit: 'ms',
        ...rate(of(({ forecastMs }) => forecastMs)),
      },
      { what: 'that forecast kept', value: of(({ keepMs }) => keepMs), unit: 'ms' },
      { what: 'memory of the worker at its peak', value: peakMb, unit: 'MB' },
      { what: `a replay of ${reads.toLocaleString('en-US')} reads`, value: replayMs, unit: 'ms' },
    ];
    return {
      rows,
      targets: [
        atMost('fold and forecast, ms', allMs, mostMs),
        atMost('memory of the worker, MB', peakMb, mostMb),
        atMost('a replay, ms', replayMs, mostReplayMs),
      ],
    };
  },
};

/** Three weeks of a skewed catalogue with a day's rhythm. */
function trafficOf(reads: number) {
  const traffic = createTraffic();
  let seed = 42;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const seconds = 21 * 86_400;
  for (let i = 0; i < reads; i++) {
    const at = (i / reads) * seconds;
    const evening = Math.sin((at / 86_400) * 2 * Math.PI) > 0 ? 0 : 40_000;
    traffic.add(`k${Math.floor(100_000 ** random()) + (random() < 0.3 ? evening : 0)}`, 1_700_000_000 + at);
  }
  return traffic.build();
}

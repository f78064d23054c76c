// npm run torture -- [--minutes N] [--seed N] [--mutants] [--json]
import { parseArgs } from 'node:util';
import { createOutput } from '../../cli/output.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import { seeded } from './seeded.ts';
import { mutants } from './write-behind/mutants.ts';
import { openRig } from './write-behind/rig.ts';
import { sum, type Totals, tortureRound } from './write-behind/torture-round.ts';
import { tryMutant } from './write-behind/try-mutant.ts';

const usage = 'usage: npm run torture -- [--minutes N] [--seed N] [--mutants] [--json]';

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      mutants: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const number = (name: 'minutes' | 'seed', least: number) => {
    const value = Number(values[name]);
    if (!Number.isFinite(value) || value < least)
      throw new Error(`expected --${name} to be a number from ${least}, got '${values[name]}'`);
    return value;
  };
  return { ...values, minutes: number('minutes', 0), seed: number('seed', 0) };
}

const longestRoundMs = 60_000;
/** The comparison gets a tenth of the time. */
const forJobs = 0.1;

async function main(): Promise<number> {
  let asked: ReturnType<typeof readArguments>;
  try {
    asked = readArguments();
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}\n`);
    return 2;
  }
  const { stdout, stderr, env } = process;
  const output = createOutput({ json: asked.json, quiet: false, env, stdout, stderr });
  const random = seeded(asked.seed);
  output.note(`seed ${asked.seed}`);
  const rig = await openRig({ postgres: { synchronous_commit: 'off' } });
  const onSignal = () => void rig.close().finally(() => process.exit(130));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    const until = async (ms: number, via: 'buffer' | 'jobs'): Promise<Totals[]> => {
      const rounds: Totals[] = [];
      const end = clock.elapsed() + ms;
      while (clock.elapsed() < end - 5_000) {
        const roundMs = Math.min(longestRoundMs, end - clock.elapsed());
        // Power fails in every fourth round, which may lose what was not on disk.
        const round = await tortureRound(rig, {
          via,
          ms: roundMs,
          random,
          hasPowerLoss: rounds.length % 4 === 3,
        });
        rounds.push(round);
        output.note(`${via} round ${rounds.length}: ${round.result}, ${round.acknowledged} acknowledged`);
        for (const text of round.stories) output.note(text);
      }
      return rounds;
    };
    const ms = asked.minutes * 60_000;
    const buffer = sum(await until(ms * (1 - forJobs), 'buffer'));
    const jobs = sum(await until(ms * forJobs, 'jobs'));
    const caught: { name: string; isCaught: boolean; classes: string }[] = [];
    for (const mutant of asked.mutants ? mutants : []) {
      const { isCaught, classes } = await tryMutant(rig, mutant);
      const told = Object.entries(classes)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ');
      caught.push({ name: mutant.name, isCaught, classes: told });
      output.note(`mutant '${mutant.name}': ${isCaught ? 'caught' : 'NOT CAUGHT'}${told ? `, ${told}` : ''}`);
    }
    const report = { seed: asked.seed, minutes: asked.minutes, buffer, jobs, mutants: caught };
    output.data(report, () => reportText(report, output.table));
    const isWell = asked.minutes === 0 || buffer.result === 'clean';
    return isWell && caught.every(({ isCaught }) => isCaught) ? 0 : 99;
  } finally {
    await rig.close();
  }
}

function reportText(
  { seed, buffer, jobs }: { seed: number; buffer: Totals; jobs: Totals },
  table: (head: string[], rows: string[][]) => string,
): string {
  const classes = (totals: Totals) => totals.violations;
  const row = (what: string, of: (totals: Totals) => number | string) => [
    what,
    String(of(buffer)),
    String(of(jobs)),
  ];
  const kinds = [...new Set([...Object.keys(buffer.faults), ...Object.keys(jobs.faults)])].sort();
  return [
    `seed ${seed}`,
    table(
      ['', 'the buffer', 'a BullMQ job per write'],
      [
        row('result', ({ result }) => result),
        row('writes acknowledged', ({ acknowledged }) => acknowledged),
        row('nobody knows', ({ unknown }) => unknown),
        row('refused', ({ refused }) => refused),
        row('effects on the table', ({ effects }) => effects),
        row('put aside', ({ dead }) => dead),
        row('losses', (totals) => classes(totals).lost ?? 0),
        row('resurrections', (totals) => classes(totals).resurrected ?? 0),
        row('duplicates in effect', (totals) => classes(totals).duplicate ?? 0),
        row(
          'other violations',
          (totals) =>
            Object.entries(classes(totals))
              .filter(([name]) => !['lost', 'resurrected', 'duplicate'].includes(name))
              .map(([name, count]) => `${count} ${name}`)
              .join(', ') || '0',
        ),
        row('gone with a loss of power', ({ forgiven }) => forgiven),
        ...kinds.map((kind) => row(`fault: ${kind}`, ({ faults }) => faults[kind] ?? 0)),
      ],
    ),
  ].join('\n');
}

process.exit(await main());

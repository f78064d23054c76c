// npm run torture -- [--minutes N] [--seed N] [--compare] [--scenes] [--mutants] [--only TEXT] [--json]
import { parseArgs } from 'node:util';
import { createOutput } from '../../cli/output.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { messageOf } from '../../src/errors.ts';
import { seeded } from './seeded.ts';
import { mutants } from './write-behind/mutants.ts';
import { reportText } from './write-behind/report.ts';
import { openRig } from './write-behind/rig.ts';
import { scenes } from './write-behind/scenes/index.ts';
import { play } from './write-behind/scenes/play.ts';
import { sum, type Totals, tortureRound } from './write-behind/torture-round.ts';
import { tryMutant } from './write-behind/try-mutant.ts';

const usage =
  'usage: npm run torture -- [--minutes N] [--seed N] [--compare] [--scenes] [--mutants] [--only TEXT] [--json]';

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      compare: { type: 'boolean', default: false },
      scenes: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
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
/** Part of the time that a comparison gets. */
const forJobs = 0.3;

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
    const share = asked.compare ? forJobs : 0;
    const buffer = sum(await until(ms * (1 - share), 'buffer'));
    const jobs = asked.compare ? sum(await until(ms * share, 'jobs')) : undefined;
    const played: { name: string; rows: string; problem?: string }[] = [];
    for (const scene of scenes.filter(({ name }) => asked.scenes && name.includes(asked.only))) {
      const { name, rows } = scene;
      const problem = await play(rig, scene).then(() => undefined, messageOf);
      played.push({ name, rows, ...(problem === undefined ? {} : { problem }) });
      output.note(`row ${rows}, ${name}: ${problem ?? 'clean'}`);
    }
    const caught: { name: string; isCaught: boolean; classes: string }[] = [];
    for (const mutant of mutants.filter(({ name }) => asked.mutants && name.includes(asked.only))) {
      const { isCaught, classes } = await tryMutant(rig, mutant);
      const told = Object.entries(classes)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ');
      caught.push({ name: mutant.name, isCaught, classes: told });
      output.note(`mutant '${mutant.name}': ${isCaught ? 'caught' : 'NOT CAUGHT'}${told ? `, ${told}` : ''}`);
    }
    const report = {
      seed: asked.seed,
      minutes: asked.minutes,
      buffer,
      jobs,
      scenes: played,
      mutants: caught,
    };
    output.data(report, () =>
      asked.minutes === 0 ? `seed ${asked.seed}` : reportText(report, output.table),
    );
    const isWell = asked.minutes === 0 || buffer.result === 'clean';
    const arePlayed = played.every(({ problem }) => problem === undefined);
    return isWell && arePlayed && caught.every(({ isCaught }) => isCaught) ? 0 : 99;
  } finally {
    await rig.close();
  }
}

process.exit(await main());

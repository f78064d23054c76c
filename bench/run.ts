// npm run bench -- <name> [--json] [--assert] [--rounds N] [--quick] [--trace FILE [--ttl 1d]]
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createOutput } from '../cli/output.ts';
import { systemClock } from '../src/clock.ts';
import { type Duration, durationMs } from '../src/duration.ts';
import { isSamovarError, messageOf, nearest } from '../src/errors.ts';
import { packageRoot } from '../src/files.ts';
import type { Bench } from './bench.ts';
import { installPeers } from './frame/peers.ts';
import { resultText } from './frame/print.ts';
import { createStage } from './frame/stage.ts';

// By their sources: a bench that is gone may still lie about compiled.
const names = readdirSync(join(packageRoot, 'bench'))
  .filter((file) => file.endsWith('.ts') && !['bench.ts', 'run.ts'].includes(file))
  .map((file) => file.slice(0, -3))
  .sort();

const load = async (name: string): Promise<Bench> =>
  ((await import(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url).href)) as { bench: Bench })
    .bench;

const usage =
  'usage: npm run bench -- <name> [--json] [--assert] [--rounds N] [--quick] [--trace FILE [--ttl 1d]]';

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      assert: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      trace: { type: 'string' },
      ttl: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`expected --rounds to be a whole number from 1, got '${values.rounds}'`);
  if (positionals.length > 1) throw new Error(`expected one name, got ${positionals.join(' ')}`);
  const name = positionals[0];
  if (name !== undefined && !names.includes(name)) {
    const meant = nearest(name, names);
    throw new Error(
      `there is no bench '${name}'${meant ? `; did you mean '${meant}'?` : '.'} Known: ${names.join(', ')}`,
    );
  }
  const file = values.trace ?? process.env['SAMOVAR_TRACE'];
  const ttlMs = values.ttl === undefined ? undefined : durationMs(values.ttl as Duration, '--ttl');
  const trace =
    file === undefined || file === '' ? undefined : { file, ...(ttlMs === undefined ? {} : { ttlMs }) };
  return { ...values, rounds, name, trace };
}

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
  const { name, rounds, quick, trace } = asked;
  if (name === undefined) {
    const benches = await Promise.all(
      names.map(async (each) => ({ name: each, about: (await load(each)).about })),
    );
    output.data(benches, () =>
      [
        usage,
        '',
        output.table(
          ['name', 'what it measures'],
          benches.map((b) => [b.name, b.about]),
        ),
      ].join('\n'),
    );
    return 0;
  }
  const bench = await load(name);
  const note = (text: string) => output.note(text);
  installPeers(bench.peers ?? [], note);
  const abort = new AbortController();
  const stage = createStage({ rounds, quick, trace, signal: abort.signal, note });
  const interrupted = new Promise<number>((resolve) => {
    process.once('SIGINT', () => resolve(130));
    process.once('SIGTERM', () => resolve(143));
  });
  const startedAt = systemClock.elapsed();
  const work = async (): Promise<number> => {
    const result = { name, ...(await bench.run(stage.context)) };
    const seconds = Math.round((systemClock.elapsed() - startedAt) / 100) / 10;
    const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.versions.node };
    output.data({ ...result, rounds, quick, seconds, machine }, () =>
      resultText(result, bench.about, output),
    );
    return asked.assert && result.targets.some(({ met }) => !met) ? 99 : 0;
  };
  try {
    return await Promise.race([work(), interrupted]);
  } finally {
    abort.abort();
    await stage.clear();
  }
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`✖ ${messageOf(error)}\n`);
  for (const hint of isSamovarError(error) ? error.hints : []) process.stderr.write(`    ${hint}\n`);
  if (!isSamovarError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(isSamovarError(error) && ['E_SERVERS', 'E_DATABASE_UNAVAILABLE'].includes(error.code) ? 3 : 1);
}

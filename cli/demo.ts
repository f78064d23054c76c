import { Command, InvalidArgumentError } from 'commander';
import { assertFigures, readAssertion } from '../src/demo/assertion.ts';
import { figureNames, figuresOf } from '../src/demo/outcome.ts';
import { SamovarError } from '../src/errors.ts';
import type { CliContext } from './context.ts';
import { demoText } from './demo/screen.ts';
import { createSteps } from './demo/steps.ts';
import { tellStory } from './demo/story.ts';
import { instantOption } from './format.ts';

const notes = `
Examples
  samovar demo --seed 7 --seconds 10
  samovar demo --trace requests.csv.gz --at 2011-11-28T12:00Z
  samovar demo --json --assert 'hit_ratio_first_5m>=0.8' --assert 'p99_ms<100'`;

interface DemoOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly trace?: string;
  readonly at?: number;
  readonly assert?: readonly string[];
}

/** Shows on private servers what warming buys: an hour of requests with a cold, a warmed and a foreseeing cache. */
export const command = (context: CliContext): Command =>
  new Command('demo')
    .description(
      'What warming buys, measured: a shop, two weeks of its traffic, and the hour after them with a cold cache, with a warmed one, and with perfect foresight. Starts a Redis and a Postgres of its own, and leaves nothing behind.',
    )
    .option('--seed <number>', 'another shop with other traffic', seedOption, 42)
    .option('--seconds <number>', 'how long the replayed hour takes', secondsOption, 20)
    .option('--trace <file>', "your own traffic instead: a CSV 'epoch_seconds,key', also .gz")
    .option('--at <time>', 'the hour of the trace to replay (default: a busy one)', traceHour)
    .option('--assert <figure>', 'exit 99 unless it holds; repeatable', collectText)
    .addHelpText('after', notes)
    .action(async ({ seed, seconds, trace, at, assert = [] }: DemoOptions) => {
      const assertions = assert.map((text) => readAssertion(text, figureNames));
      if (at !== undefined && trace === undefined)
        throw new SamovarError('E_USAGE', '--at chooses an hour of a trace: it needs --trace');
      const { output, clock, signal } = context;
      const steps = createSteps(output, clock, signal);
      const story = {
        seed,
        replaySeconds: seconds,
        ...(trace && { trace }),
        ...(at !== undefined && { at }),
      };
      output.note(opening(trace, seconds));
      const told = await tellStory(story, { steps, clock, signal }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
        output.note('interrupted; nothing is left behind');
      });
      if (!told) return;
      const { outcome, traffic } = told;
      const figures = figuresOf(outcome);
      const asserted = assertFigures(assertions, figures);
      const document = {
        traffic: {
          about: traffic.about,
          lines: traffic.lines,
          requests: traffic.requests.length,
          keys: new Set(traffic.requests.map(({ key }) => key)).size,
        },
        replaySeconds: seconds,
        figures,
        assertions: asserted,
        steps: steps.taken.map(({ name, ms }) => ({ name, ms: Math.round(ms) })),
      };
      output.data(document, () => demoText(output, { outcome, traffic, replaySeconds: seconds, asserted }));
      if (asserted.some(({ met }) => !met)) context.exitWith(99);
    });

/** Everything but the replayed hours takes about this long on two cores. */
const otherSeconds = 40;

const opening = (trace: string | undefined, seconds: number): string => {
  const traffic = trace === undefined ? 'A shop, two weeks of its traffic' : 'A trace';
  const tens = Math.ceil((otherSeconds + 3 * seconds) / 10);
  return `${traffic}, and then the same hour three times: with a cold cache, with a warmed one,
and with perfect foresight. It takes about ${tens * 10} seconds.
`;
};

const collectText = (text: string, before: readonly string[] = []): string[] => [...before, text];

function seedOption(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}

function secondsOption(text: string): number {
  const value = Number(text);
  if (value >= 1 && value <= 3_600) return value;
  throw new InvalidArgumentError('Expected a number from 1 to 3600.');
}

const traceHour = (text: string): number => instantOption(text, 0) / 1_000;

import { Command } from 'commander';
import { assertFigures, readAssertion } from '../src/demo/assertion.ts';
import { figureNames, figuresOf } from '../src/demo/outcome.ts';
import { SamovarError } from '../src/errors.ts';
import type { CliContext } from './context.ts';
import { demoText } from './demo/screen.ts';
import { createSteps } from './demo/steps.ts';
import { tellStory } from './demo/story.ts';

const demoExample = `
Example
  samovar demo --seconds 10 --json --assert 'hit_ratio_first_5m>=0.8'

Nothing needs to be there: Redis and Postgres are started for the demo and are gone after it.
`;

interface DemoOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly trace?: string;
  readonly at?: number;
  readonly assert: readonly string[];
}

/** Shows on private servers what warming buys: an hour of requests with a cold, a warmed and a foreseeing cache. */
export const command = (context: CliContext): Command =>
  new Command('demo')
    .description('a shop, two weeks of traffic, and its next hour with a cold and with a warmed cache')
    .option('--seed <number>', 'another shop and other traffic', wholeNumber('--seed'), 42)
    .option('--seconds <number>', 'how long the replayed hour takes', positive('--seconds'), 20)
    .option('--trace <file>', 'your own traffic instead: a CSV of epoch_seconds,key (.gz too)')
    .option('--at <time>', 'which hour of the trace to replay (ISO time or epoch seconds)', epochSeconds)
    .option('--assert <figure>', 'fail (exit 99) unless it holds; repeatable', collectText, [])
    .addHelpText('after', demoExample)
    .action(async ({ seed, seconds, trace, at, assert }: DemoOptions) => {
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
      const { outcome, traffic } = await tellStory(story, { steps, clock, signal });
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

const collectText = (text: string, before: readonly string[]): string[] => [...before, text];

const wholeNumber = (option: string) => (text: string) => {
  if (!/^\d{1,15}$/.test(text))
    throw new SamovarError('E_USAGE', `expected ${option} to be a whole number, got '${text}'`);
  return Number(text);
};

const positive = (option: string) => (text: string) => {
  const value = Number(text);
  if (!(value >= 1 && value <= 3_600))
    throw new SamovarError('E_USAGE', `expected ${option} to be a number from 1 to 3600, got '${text}'`);
  return value;
};

function epochSeconds(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1_000;
  if (Number.isFinite(value)) return value;
  throw new SamovarError(
    'E_USAGE',
    `expected --at to be like 2011-11-28T12:00Z or epoch seconds, got '${text}'`,
  );
}

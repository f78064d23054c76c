import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type AnyJobDef, defineJob, done } from '../../../src/job.ts';
import { housekeeping, planSchedules } from '../../../src/queue/housekeeping.ts';
import { schedule } from '../../../src/schedule.ts';

const named = (name: string, payload: z.ZodType = z.object({})): AnyJobDef =>
  defineJob(name, { about: 'x', reads: [], writes: [], payload, run: async () => done(1) });
const [collect, forecast, prune] = ['collect', 'forecast', 'prune'].map((name) => named(name)) as [
  AnyJobDef,
  AnyJobDef,
  AnyJobDef,
];
const plan = named('plan', z.object({ cache: z.string() }));

describe('housekeeping', () => {
  test('is scheduled by itself, only for jobs that are there', () => {
    const plans = planSchedules({ jobs: [collect, plan, prune], schedules: [] });
    expect(
      plans.map(({ name, expression, builtIn, catchUp }) => [name, expression, builtIn, catchUp]),
    ).toEqual([
      ['collect', '*/10 * * * * *', true, 'one'],
      ['prune', '17 * * * *', true, 'one'],
    ]);
  });

  test('gives way to a schedule of the configuration for the same job', () => {
    const plans = planSchedules({
      jobs: [collect, forecast],
      schedules: [schedule('*/30 * * * * *', collect, {}, { name: 'gather', catchUp: 'none' })],
    });
    expect(plans.map(({ name, expression, builtIn }) => [name, expression, builtIn])).toEqual([
      ['gather', '*/30 * * * * *', false],
      ['forecast', '*/5 * * * *', true],
    ]);
  });

  test('begins what rises only where schedules are automatic', () => {
    const names = (auto?: boolean) =>
      planSchedules({ jobs: [named('rise')], schedules: [], ...(auto === undefined ? {} : { auto }) }).map(
        ({ name, expression }) => [name, expression],
      );
    expect(names(true)).toEqual([['rise', '* * * * *']]);
    expect([names(false), names()]).toEqual([[], []]);
  });

  test('is what docs/schedules.md says', () => {
    const rows = [
      ...readFileSync('docs/schedules.md', 'utf8').matchAll(/^\| `(\w+)` \| `([^`]+)` \| [^|]+ \|$/gm),
    ];
    expect(rows.map(([, job, expression]) => ({ job, expression }))).toEqual(housekeeping);
  });
});

describe('a schedule of the configuration', () => {
  const check =
    (schedules: ReturnType<typeof schedule>[], jobs = [plan]) =>
    () =>
      planSchedules({ jobs, schedules });

  test('has UTC, catch-up of one and no overlap unless told', () => {
    expect(planSchedules({ jobs: [plan], schedules: [schedule('0 3 * * *', plan, { cache: 'p' })] })).toEqual(
      [
        {
          name: 'plan-p',
          expression: '0 3 * * *',
          job: plan,
          payload: { cache: 'p' },
          timezone: 'UTC',
          catchUp: 'one',
          overlap: 'skip',
          builtIn: false,
        },
      ],
    );
  });

  test('must not share its name', () => {
    const twice = [schedule('0 3 * * *', plan, { cache: 'p' }), schedule('0 4 * * *', plan, { cache: 'p' })];
    expect(check(twice)).toThrow('schedules[0] (plan-p): another schedule has the same name');
    expect(check([twice[0]!, schedule('0 4 * * *', plan, { cache: 'p' }, { name: 'early' })])).not.toThrow();
  });

  test('must have a job that is worked, a payload that it takes, a plain name and a good expression', () => {
    expect(check([schedule('0 3 * * *', named('plam'), {})])).toThrow(
      "its job 'plam' is not in `jobs`; did you mean 'plan'?",
    );
    expect(check([schedule('0 3 * * *', plan, {})])).toThrow(
      /schedules\[0\] \(plan\): job plan: `payload.cache`/,
    );
    expect(check([schedule('0 3 * * *', plan, { cache: 'p' }, { name: 'a b' })])).toThrow(
      /a schedule's name is/,
    );
    expect(check([schedule('0 99 * * *', plan, { cache: 'p' })])).toThrow(/hour 99 is outside 0-23/);
    expect(check([schedule('0 3 * * *', plan, { cache: 'p' }, { timezone: 'Berlin' })])).toThrow(
      /Europe\/Berlin/,
    );
  });
});

import { expect, test } from 'vitest';
import type { CliContext } from '../../../cli/context.ts';
import { createOutput } from '../../../cli/output.ts';
import { whenText } from '../../../cli/when-text.ts';
import { fakeClock } from '../../support/index.ts';
import { fakeStream } from './stream.ts';

const clock = fakeClock();
const by = clock.now() + 8 * 3_600_000;
const minutes = (before: number) => by - before * 60_000;
const output = createOutput({
  json: false,
  quiet: false,
  color: false,
  env: {},
  stdout: fakeStream().stream,
  stderr: fakeStream().stream,
});
const context = { output, clock } as unknown as CliContext;

test('groups by the time at which they must be warm, how they are loaded, and why others are not', () => {
  const text = whenText(
    context,
    [
      {
        cache: 'products',
        origin: 'db',
        times: [
          {
            cache: 'products',
            by,
            readsPerHour: 1_234.5,
            keys: 400,
            left: 100,
            slots: [10, 5].map((before) => ({ at: minutes(before), keys: 200 })),
          },
          { cache: 'products', by: by + 3_600_000, readsPerHour: 9, keys: 0, left: 7, slots: [] },
        ],
      },
      { cache: 'prices', origin: 'db', why: 'young', times: [] },
    ],
    true,
  );
  expect(text).toMatch(/^WARM BY +CACHE +ORIGIN +READS\/H +KEYS +LEFT OUT +LOADED/);
  expect(text).toMatch(
    /2026-01-05 08:00 UTC +products +db +1,235 +400 +100 +in 2 slots, 10 m 0 s to 5 m 0 s before/,
  );
  expect(text).toMatch(/2026-01-05 09:00 UTC +products +db +9 +0 +7 +no room in the budget/);
  expect(text).toMatch(/^prices: no daily rise .* less than two days of reads are known$/m);
  expect(text).toMatch(/run by themselves\.$/);
  expect(whenText(context, [], false)).toContain("schedules: 'auto'");
});

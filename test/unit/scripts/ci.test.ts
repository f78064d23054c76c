import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../../src/files.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samovar-ci-'));
  mkdirSync(join(folder, '.ci'));
  cpSync(join(packageRoot, '.ci/run'), join(folder, '.ci/run'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs .ci/run with an npm that says and ends as told. */
function ci(test: { says: string; status: number }, check: { says: string; status: number }) {
  mkdirSync(join(folder, 'bin'));
  const answer = ({ says, status }: { says: string; status: number }) =>
    `printf '%s' '${says}'; exit ${status}`;
  const npm = `#!/bin/sh\nif [ "$1" = test ]; then ${answer(test)}; fi\nif [ "$*" = "run check" ]; then ${answer(check)}; fi\nexit 9\n`;
  writeFileSync(join(folder, 'bin/npm'), npm, { mode: 0o755 });
  const done = spawnSync(join(folder, '.ci/run'), {
    encoding: 'utf8',
    cwd: '/',
    env: { ...process.env, PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter) },
  });
  return { status: done.status, lastLine: done.stdout.split('\n').at(-2), end: done.stdout.at(-1) };
}

test.each([
  [
    'all is well',
    { says: 'noise\n120 passed, 0 failed\n', status: 0 },
    { says: '5 passed, 0 failed\n', status: 0 },
    '125 passed, 0 failed',
    0,
  ],
  [
    'a test fails',
    { says: '119 passed, 1 failed\nnpm error\n', status: 1 },
    { says: '5 passed, 0 failed\n', status: 0 },
    '124 passed, 1 failed',
    1,
  ],
  [
    'a check fails',
    { says: '120 passed, 0 failed\n', status: 0 },
    { says: '3 passed, 2 failed\n', status: 1 },
    '123 passed, 2 failed',
    1,
  ],
  [
    'the tests die before they count',
    { says: 'cannot install\n', status: 1 },
    { says: '5 passed, 0 failed\n', status: 0 },
    '5 passed, 1 failed',
    1,
  ],
  [
    'the tests count no failure and fail',
    { says: '120 passed, 0 failed\n', status: 1 },
    { says: '5 passed, 0 failed\n', status: 0 },
    '125 passed, 1 failed',
    1,
  ],
  ['nothing is counted', { says: '', status: 0 }, { says: '', status: 0 }, '0 passed, 2 failed', 1],
])('when %s, the last line and the exit code say so', (_case, tests, checks, lastLine, status) => {
  expect(ci(tests, checks)).toEqual({ status, lastLine, end: '\n' });
});

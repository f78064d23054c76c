import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { packageRoot } from '../../../src/files.ts';

const support = join(packageRoot, 'test/support');
// Below the project, so that its packages are found.
const folder = join(packageRoot, 'node_modules/.cache', `samovar-suite-${process.pid}`);
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs test files under the reporter and the leak check of this suite. */
function run(files: Readonly<Record<string, string>>, args: string[] = []) {
  mkdirSync(folder, { recursive: true });
  for (const [name, body] of Object.entries(files)) {
    const head = `import { afterAll, describe, expect, test } from 'vitest';\nimport net from 'node:net';`;
    writeFileSync(join(folder, `${name}.test.ts`), `${head}\n${body}\n`);
  }
  writeFileSync(
    join(folder, 'vitest.config.ts'),
    `import { useOwnTemporaryFolder } from '${support}/temporary.ts';
    useOwnTemporaryFolder();
    export default { test: { include: ['*.test.ts'], pool: 'forks', maxWorkers: 5, setupFiles: ['${support}/leaks.ts'],
      reporters: [['default', { summary: false }], '${support}/reporter.ts'] } };`,
  );
  const vitest = join(packageRoot, 'node_modules/.bin/vitest');
  const done = spawnSync(vitest, ['run', '--root', folder, ...args], {
    encoding: 'utf8',
    env: {
      ...process.env,
      VITEST: undefined,
      SAMOVAR_TEST_TMPDIR: undefined,
      REDIS_URL: 'redis://a',
      DATABASE_URL: 'postgres://b',
    },
  });
  const lines = done.stdout.trimEnd().split('\n');
  return { status: done.status, lastLine: lines.at(-1), text: done.stdout + done.stderr };
}

const suite = (body: string, args?: string[]) => run({ one: body }, args);

test('ends with the count of what passed', () => {
  const body = `test('a', () => {}); describe('d', () => { test.each([1, 2])('%s', () => {}); });`;
  expect(suite(body)).toMatchObject({ status: 0, lastLine: '3 passed, 0 failed' });
});

test('counts what failed: tests, hooks and files that cannot be read', () => {
  expect(suite(`test('a', () => {}); test('b', () => { throw new Error('b'); });`)).toMatchObject({
    status: 1,
    lastLine: '1 passed, 1 failed',
  });
  expect(suite(`test('a', () => {}); afterAll(() => { throw new Error('late'); });`)).toMatchObject({
    status: 1,
    lastLine: '1 passed, 1 failed',
  });
  expect(suite(`import './not-there.ts';`)).toMatchObject({ status: 1, lastLine: '0 passed, 1 failed' });
});

test('fails when a test is skipped or left to do, or when there is none', () => {
  for (const body of [`test.skip('later', () => {});`, `test.todo('later');`]) {
    const done = suite(`test('a', () => {}); ${body}`);
    expect(done).toMatchObject({ status: 1, lastLine: '1 passed, 1 failed' });
    expect(done.text).toContain('skipped, which is not allowed: one.test.ts > later');
  }
  expect(suite('')).toMatchObject({ status: 1, lastLine: '0 passed, 1 failed' });
  expect(suite(`test('a', () => {});`, ['no-such-file'])).toMatchObject({
    status: 1,
    lastLine: '0 passed, 1 failed',
  });
});

test('tests chosen by name leave the others out without failing', () => {
  const body = `test('this', () => {}); test('that', () => {});`;
  expect(suite(body, ['-t', 'this'])).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
});

test("takes the servers' URLs out of the tests' environment", () => {
  const body = `test('a', () => { expect([process.env.REDIS_URL, process.env.DATABASE_URL]).toEqual([undefined, undefined]); });`;
  expect(suite(body)).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
});

test('a test file that leaves something open fails and says what', () => {
  const leaks = {
    interval: [`setInterval(() => {}, 60_000).unref();`, 'an interval set at'],
    timer: [`setTimeout(() => {}, 60_000);`, '1 Timeout'],
    listener: [`await new Promise((r) => net.createServer().listen(0, r));`, '1 TCPServerWrap'],
    child: [
      `const { spawn } = await import('node:child_process'); spawn('sleep', ['20'], { stdio: 'ignore' });`,
      '1 ProcessWrap',
    ],
    server: [
      `const { startRedis } = await import('${packageRoot}/src/servers/redis.ts'); await startRedis({ role: 'queue' });`,
      '1 server(s) of src/servers not stopped',
    ],
  };
  const files = Object.entries(leaks).map(([name, [leak]]) => [
    name,
    `test('${name}', async () => { ${leak} });`,
  ]);
  const done = run(Object.fromEntries(files));
  expect(done).toMatchObject({ status: 1, lastLine: '5 passed, 5 failed' });
  expect(done.text.match(/this test file leaves open:/g)?.length).toBeGreaterThanOrEqual(5);
  for (const [, words] of Object.values(leaks)) expect(done.text).toContain(words);
});

test('a file left in the temporary folder fails the run', () => {
  const body = `test('a', async () => {
    const { mkdtempSync } = await import('node:fs');
    mkdtempSync((await import('node:os')).tmpdir() + '/forgotten-');
  });`;
  const done = suite(body);
  expect(done).toMatchObject({ status: 1, lastLine: '1 passed, 1 failed' });
  expect(done.text).toContain('the tests leave in the temporary folder: forgotten-');
});

test('a test file that clears up behind itself passes', () => {
  const body = `test('a', async () => {
    clearInterval(setInterval(() => {}, 1_000));
    const server = net.createServer();
    await new Promise((r) => server.listen(0, r));
    server.close();
  });`;
  expect(suite(body)).toMatchObject({ status: 0, lastLine: '1 passed, 0 failed' });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createRandom } from '../../src/demo/random.ts';
import { until } from '../support/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'samovar-demo-test-'));
/** The demo's own temporary folders: what is in it afterwards was left behind. */
const temporary = join(folder, 'tmp');
mkdirSync(temporary);
// Passable, so that a Postgres which runs as somebody else can have its folder there, too.
for (const each of [folder, temporary]) chmodSync(each, 0o755);
afterAll(() => rmSync(folder, { recursive: true }));

/** Three days and an hour of reads of 300 keys, some much more than others. */
function writeTrace(): string {
  const random = createRandom(7, 'trace');
  const lines = ['epoch_seconds,key,size'];
  const beginsAt = 1_700_006_400;
  for (let at = 0; at < 73 * 3_600; at += random.wait(1 / 12))
    lines.push(`${beginsAt + Math.floor(at)},key ${random.below(1 + random.below(300))},`);
  const file = join(folder, 'trace.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

function demo(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'bin/samovar.ts', 'demo', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...said }));
  return { child, said, ended };
}

/** Folders of the demo, and processes that work in them. */
const leftBehind = (): string[] => {
  const folders = readdirSync(temporary).filter((name) => name.startsWith('samovar-'));
  const processes = (process.platform === 'linux' ? readdirSync('/proc') : []).filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(temporary);
    } catch {
      return false; // it has just ended
    }
  });
  return [...folders, ...processes];
};

describe('samovar demo', () => {
  const trace = writeTrace();

  test('tells on a trace what warming buys, and leaves nothing behind', async () => {
    const held = ['hit_ratio_first_5m>0.5', 'failed_reads<1'];
    const { code, out, err } = await demo(
      '--trace',
      trace,
      '--seconds',
      '2',
      '--json',
      ...held.flatMap((text) => ['--assert', text]),
    ).ended;
    expect([code, err]).toEqual([0, err]);
    const { traffic, figures, assertions } = JSON.parse(out);
    expect(assertions.map(({ text, met }: { text: string; met: boolean }) => [text, met])).toEqual(
      held.map((text) => [text, true]),
    );
    // Each key of the hour misses once when the cache is cold, and each warmed one that is read saves just that.
    const distinct = traffic.keys;
    const misses = (ratio: number) => Math.round((1 - ratio) * traffic.requests);
    expect(misses(figures.cold_hit_ratio_hour)).toBe(distinct);
    expect(misses(figures.hit_ratio_hour)).toBe(distinct - figures.keys_used);
    expect(figures.keys_used + figures.keys_unused).toBe(figures.keys_warmed);
    expect(figures.cold_database_queries).toBeLessThanOrEqual(distinct);
    expect(figures.hit_ratio_hour).toBeGreaterThan(figures.cold_hit_ratio_hour);
    expect(figures.perfect_hit_ratio_hour).toBeGreaterThanOrEqual(figures.hit_ratio_hour);
    expect(leftBehind()).toEqual([]);
  }, 90_000);

  test('prints a table without escape codes into a pipe, and fails on an assertion that does not hold', async () => {
    const { code, out, err } = await demo('--trace', trace, '--seconds', '1', '--assert', 'hit_ratio_hour>1')
      .ended;
    expect([code, err]).toEqual([99, err]);
    expect(out).toMatch(/cold +warmed +perfect foresight/);
    expect(out).toMatch(/✖ hit_ratio_hour>1/);
    expect(out + err).not.toContain('\u001b');
    expect(err).toMatch(/✔ warm by forecast/);
    expect(leftBehind()).toEqual([]);
  }, 90_000);

  test('is over soon after Ctrl-C, and leaves nothing behind', async () => {
    const { child, said, ended } = demo('--trace', trace, '--seconds', '600');
    await until(() => said.err.includes('✔ forecast'), 'the replay has begun', { timeoutMs: 60_000 });
    child.kill('SIGINT');
    const { code, err } = await ended;
    expect(code).toBe(130);
    expect(err).toMatch(/interrupted; nothing is left behind/);
    expect(leftBehind()).toEqual([]);
  }, 90_000);

  test.each([
    [
      'an unknown figure',
      ['--assert', 'hit_ratio>=0.5'],
      /no figure 'hit_ratio'[\s\S]*known figures: hit_ratio_first_5m/,
    ],
    ['a trace that is not there', ['--trace', join(folder, 'none.csv')], /cannot read the trace .*ENOENT/],
    ['an hour without a trace', ['--at', '2026-01-05T12:00Z'], /--at .* needs --trace/],
    ['no time at all', ['--seconds', '0'], /--seconds/],
  ])(
    'refuses %s',
    async (_, args, message) => {
      const { code, err } = await demo(...args).ended;
      expect(code).toBe(2);
      expect(err).toMatch(message);
      expect(leftBehind()).toEqual([]);
    },
    30_000,
  );

  test('refuses a trace that is too short', async () => {
    const short = join(folder, 'short.csv');
    writeFileSync(short, 'epoch_seconds,key\n1700006400,a\n1700009000,b\n');
    const { code, err } = await demo('--trace', short).ended;
    expect(code).toBe(2);
    expect(err).toMatch(/at least 3 hours and one whole hour more to replay, got 43 minutes/);
  }, 30_000);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openTrace, shopTraffic, traceTraffic } from '../../../cli/demo/traffic.ts';

const folder = mkdtempSync(join(tmpdir(), 'samovar-traffic-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hourMs = 3_600_000;
const endsAt = Date.parse('2026-01-05T10:00:00Z');
const where = { folder, endsAt, signal: new AbortController().signal };

describe('the shop', () => {
  test('has two weeks of history that end where its hour begins', async () => {
    const traffic = await shopTraffic(42, where);
    const lines = readFileSync(traffic.history, 'utf8').trimEnd().split('\n').slice(1);
    expect(lines.length).toBe(traffic.lines);
    const times = lines.map((line) => Number(line.split(',')[0]));
    expect(times[0]! * 1_000 - (endsAt - 14 * 24 * hourMs)).toBeLessThan(hourMs / 10);
    expect(endsAt / 1_000 - times.at(-1)!).toBeLessThan(360);
    expect(times.every((at) => at * 1_000 < endsAt)).toBe(true);
    expect(lines.filter((line) => line.includes('Shopbot')).length).toBeGreaterThan(1_000);
    expect(traffic.requests.every(({ at }) => at >= 0 && at < hourMs)).toBe(true);
    const known = new Set(traffic.keys);
    expect(traffic.requests.every(({ key }) => known.has(key))).toBe(true);
  }, 60_000);
});

describe('a trace', () => {
  const begins = 1_700_006_400;
  const file = join(folder, 'trace.csv');
  const write = (reads: readonly (readonly [number, string])[]) =>
    writeFileSync(
      file,
      `epoch_seconds,key\n${reads.map(([at, key]) => `${begins + at},${key}`).join('\n')}\n`,
    );

  test('is moved so that the chosen hour begins now, and tells nothing of that hour', async () => {
    const reads: [number, string][] = [];
    for (let hour = 0; hour < 8; hour++)
      for (let i = 0; i < 40; i++) reads.push([hour * 3_600 + i * 90, hour < 7 ? `old ${i}` : `new "${i}"`]);
    reads.push([8 * 3_600, 'after']);
    write(reads);
    const traffic = await traceTraffic(await openTrace(file, begins + 7 * 3_600), where);
    expect(traffic.requests.length).toBe(40);
    expect(traffic.requests[1]).toEqual({ at: 90_000, key: 'new "1"', caller: 'user' });
    expect(traffic.keys.length).toBe(80);
    expect(traffic.top).toBe(20);
    const history = readFileSync(traffic.history, 'utf8');
    expect(history).not.toContain('new');
    expect(history.split('\n')[1]).toBe(`${endsAt / 1_000 - 7 * 3_600},old 0,Mozilla/5.0`);
  });

  test('keeps keys that a CSV must quote', async () => {
    write(Array.from({ length: 25 }, (_, i) => [i * 900, 'a "b"']));
    const { history } = await traceTraffic(await openTrace(file, undefined), where);
    expect(readFileSync(history, 'utf8')).toContain(',"a ""b""",');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseHour, outlineTrace, readTrace, type TraceOutline } from '../../../src/demo/trace.ts';

const folder = mkdtempSync(join(tmpdir(), 'samovar-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, name.endsWith('.gz') ? gzipSync(text) : text);
  return file;
};
const all = async (file: string) => {
  const reads = [];
  for await (const read of readTrace(file)) reads.push(read);
  return reads;
};

describe('a trace is read', () => {
  const text = 'epoch_seconds,key,size\n1291191960,sku:85123A,\n1291191961,a b,17\n\n';
  const expected = [
    { epochSeconds: 1_291_191_960, key: 'sku:85123A' },
    { epochSeconds: 1_291_191_961, key: 'a b' },
  ];
  test('as it is', async () => expect(await all(write('plain.csv', text))).toEqual(expected));
  test('gzipped', async () => expect(await all(write('packed.csv.gz', text))).toEqual(expected));

  test.each([
    ['no-header.csv', '1,a,\n', "line 1: expected the header 'epoch_seconds,key,size'"],
    ['no-key.csv', 'epoch_seconds,key\n1,a\n2\n', "line 3: expected 'epoch_seconds,key', got '2'"],
    ['no-time.csv', 'epoch_seconds,key\nnoon,a\n', "line 2: expected 'epoch_seconds,key', got 'noon,a'"],
  ])('or refused: %s', async (name, broken, message) => {
    await expect(all(write(name, broken))).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining(message),
    });
  });

  test('or refused when it is not there or not gzip', async () => {
    await expect(all(join(folder, 'nowhere.csv'))).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('ENOENT'),
    });
    const fake = join(folder, 'fake.csv.gz');
    writeFileSync(fake, 'epoch_seconds,key\n1,a\n');
    await expect(all(fake)).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining('incorrect header check'),
    });
  });
});

test('an outline counts by hour', async () => {
  async function* reads() {
    for (const epochSeconds of [3_600, 3_601, 7_199, 7_200]) yield { epochSeconds, key: 'a' };
  }
  expect(await outlineTrace(reads())).toEqual({
    reads: 4,
    from: 3_600,
    until: 7_200,
    hours: new Map([
      [1, { reads: 3, early: 2 }],
      [2, { reads: 1, early: 1 }],
    ]),
  });
});

describe('the hour to replay', () => {
  const outline = (hours: Record<number, number>): TraceOutline => {
    const named = Object.entries(hours).map(([hour, count]) => [Number(hour), count] as const);
    const keys = named.map(([hour]) => hour);
    return {
      reads: named.reduce((sum, [, count]) => sum + count, 0),
      from: Math.min(...keys) * 3_600,
      until: (Math.max(...keys) + 1) * 3_600 - 1,
      hours: new Map(named.map(([hour, reads]) => [hour, { reads, early: reads / 12 }])),
    };
  };
  const day = outline(
    Object.fromEntries(Array.from({ length: 24 }, (_, hour) => [hour, 10 + hour * (hour % 3)])),
  );

  test('is the busiest of the last quarter', () => expect(chooseHour(day)).toBe(23));
  test('is busy from its beginning', () => {
    const hours = new Map(day.hours).set(23, { reads: 500, early: 0 });
    expect(chooseHour({ ...day, hours })).toBe(20);
  });
  test('is whole', () => expect(chooseHour({ ...day, until: day.until - 60 })).toBe(20));
  test('is the one asked for', () => expect(chooseHour(day, 5 * 3_600 + 17)).toBe(5));

  test.each([1, 24])('is refused when it has no history or is not there: %i', (hour) => {
    expect(() => chooseHour(day, hour * 3_600)).toThrow(
      /--at .* from 1970-01-01T03:00Z to 1970-01-01T23:00Z/,
    );
  });

  test('is not to be had of an hour of trace', () => {
    const short = outline({ 7: 300 });
    expect(() => chooseHour(short)).toThrow(
      /at least 3 hours and one whole hour more to replay, got 60 minutes/,
    );
    expect(() => chooseHour({ ...short, reads: 0 })).toThrow(/got nothing/);
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Replayed } from '../../cli/replay-text.ts';
import { place } from './command.ts';

const folder = place();
const hour = 3_600;
const start = 1_767_600_000 - (1_767_600_000 % hour);

/** Four days of a shop: forty products, the first ones read most, a few times in every hour. */
const lines = Array.from({ length: 96 * 120 }, (_, i) => {
  const at = start + Math.floor(i / 120) * hour + (i % 120) * 30;
  const id = Math.floor(40 * ((i * 0.618_034) % 1) ** 2);
  return { at, id };
});
folder.write('reads.csv', ['epoch_seconds,key', ...lines.map(({ at, id }) => `${at},${id}`), ''].join('\n'));
folder.write(
  'marked.ndjson',
  `\uFEFF${lines.map(({ at, id }) => JSON.stringify({ epoch_seconds: at, key: String(id) })).join('\n')}\n`,
);
folder.write(
  'access.log',
  lines
    .map(({ at, id }) => {
      const time = new Date(at * 1_000).toUTCString();
      const [, day, month, year, clock] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(time)!;
      return `203.0.113.9 - - [${day}/${month}/${year}:${clock} +0000] "GET /products/${id}?a=1 HTTP/1.1" 200 512 "-" "Mozilla/5.0"\n`;
    })
    .join(''),
);

describe('replay', { timeout: 120_000 }, () => {
  test('without a configuration every line is a read of one cache: a table, a document', async () => {
    const { code, out, err } = await folder.run('replay', 'reads.csv');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^reads: 11,520 reads of 40 keys, 2026-01-05 08:00 UTC to /);
    expect(out).toMatch(/^perfect +100\.0 %/m);
    expect(out).toMatch(/^auto chose: /m);
    const [result] = await folder.json<Replayed[]>('replay', 'reads.csv');
    expect(result).toMatchObject({ cache: 'reads', reads: 11_520, keys: 40, windows: 48 });
    expect(result!.rules['auto']![2]!.share).toBeGreaterThan(0.8);
  });

  test('budgets, ttls, capacities and windows are the caller’s; the report is one file', async () => {
    const { code, out, err } = await folder.run(
      ...['replay', 'reads.csv', '--budget', '20%,0.4', '--ttl', '10m,2h', '--capacity', 'all,25%'],
      ...['--window', '2h', '--html', 'report.html'],
    );
    expect([code, err]).toEqual([0, 'report written to report.html\n']);
    expect(out).toMatch(/^24 windows of 2 h scored, /m);
    expect(out.match(/^ *(10 m|2 h) +(all fit|\d+) /gm)).toHaveLength(4);
    const page = readFileSync(join(folder.folder, 'report.html'), 'utf8');
    expect(page.startsWith('<!doctype html>') && page.includes('Replay of reads.csv')).toBe(true);
    for (const wrong of [
      ['--budget', '0'],
      ['--ttl', 'soon'],
      ['--capacity', ''],
      ['--window', '7m'],
    ])
      expect((await folder.run('replay', 'reads.csv', ...wrong)).code).toBe(2);
    const nowhere = await folder.run('replay', 'reads.csv', '--html', 'nowhere/report.html');
    expect([nowhere.code, nowhere.err]).toEqual([
      2,
      expect.stringContaining('E_USAGE cannot write the report'),
    ]);
  });

  test('a mark of encoding at the beginning costs no read', async () => {
    const [result] = await folder.json<Replayed[]>('replay', 'marked.ndjson');
    expect(result).toMatchObject({ reads: 11_520, keys: 40 });
  });

  test('a web server’s log is read, too; of a path its query is no part', async () => {
    const [result] = await folder.json<Replayed[]>('replay', 'access.log');
    expect(result).toMatchObject({ reads: 11_520, keys: 40 });
  });

  test('with a configuration its caches and keys hold', async () => {
    folder.write(
      'samovar.config.mjs',
      `import { defineCache, defineConfig, defineOrigin, key } from 'samovar';
const products = defineCache('products', { origin: defineOrigin('db'), key: key.number, ttl: '1h', load: () => [] });
export default defineConfig({ caches: [products], import: { map: [{ cache: 'products', path: '/products/:id' }] } });\n`,
    );
    const [byPath] = await folder.json<Replayed[]>('replay', 'access.log');
    expect(byPath).toMatchObject({ cache: 'products', keys: 40 });
    const unnamed = await folder.run('replay', 'reads.csv');
    expect([unnamed.code, unnamed.err]).toEqual([
      2,
      expect.stringMatching(/E_IMPORT[\s\S]*--cache[\s\S]*--raw/),
    ]);
    expect((await folder.json<Replayed[]>('replay', 'reads.csv', '--cache', 'products'))[0]).toMatchObject({
      cache: 'products',
    });
    const typo = await folder.run('replay', 'reads.csv', '--cache', 'product');
    expect([typo.code, typo.err]).toEqual([2, expect.stringContaining("did you mean 'products'?")]);
    expect((await folder.json<Replayed[]>('replay', 'reads.csv', '--raw'))[0]).toMatchObject({
      cache: 'reads',
    });
  });

  test('experts and ttls of a configuration are tried, too', async () => {
    folder.write(
      'expert.config.mjs',
      `import { defineCache, defineConfig, defineExpert, defineOrigin, key } from 'samovar';
const products = defineCache('products', { origin: defineOrigin('db'), key: key.number, ttl: '90m', load: () => [] });
const mine = defineExpert('lowest-first', ({ key }) => 1 / (1 + Number(key)));
export default defineConfig({ caches: [products], forecast: { experts: [mine] } });\n`,
    );
    const asked = ['replay', 'reads.csv', '--cache', 'products', '-c', 'expert.config.mjs'];
    const [result] = await folder.json<Replayed[]>(...asked);
    expect(result!.rules['lowest-first']![2]!.share).toBeGreaterThan(0.8);
    const ttls = (found: Replayed) => [...new Set(found.refresh.map(({ ttlSeconds }) => ttlSeconds))];
    expect(ttls(result!)).toEqual([5_400, 3_600, 21_600, 86_400]);
    expect(ttls((await folder.json<Replayed[]>(...asked, '--ttl', '10m'))[0]!)).toEqual([600]);
    folder.write(
      'throws.config.mjs',
      `import { defineConfig, defineExpert } from 'samovar';
import shop from './expert.config.mjs';
const mine = defineExpert('broken', () => { throw new Error('no such table'); });
export default defineConfig({ ...shop, forecast: { experts: [mine] } });\n`,
    );
    const throwing = await folder.run(...asked.slice(0, -1), 'throws.config.mjs');
    expect([throwing.code, throwing.err]).toEqual([
      2,
      expect.stringContaining("expert 'broken' threw: no such table"),
    ]);
  });

  describe('a file that is not as it should be', () => {
    const header = 'epoch_seconds,key';
    const rows = lines.map(({ at, id }) => `${at},${id}`);
    const write = (name: string, given: readonly string[]) => folder.write(name, `${given.join('\n')}\n`);
    const fileOf = async (name: string) =>
      (await folder.json<(Replayed & { file: object })[]>('replay', name, '--raw'))[0]!;

    test.each([
      ['empty', '', 'E_IMPORT empty.csv is empty'],
      ['header', `${header}\n`, 'E_IMPORT header.csv has no line that could be a read'],
      [
        'nonsense',
        `${header}\nfoo,bar\nfoo,bar\n`,
        'E_IMPORT 2 of 2 lines of nonsense.csv cannot be read: no time',
      ],
    ])('%s: it is said what is wrong', async (name, text, said) => {
      folder.write(`${name}.csv`, text);
      const { code, err } = await folder.run('replay', `${name}.csv`, '--raw');
      expect([code, err]).toEqual([2, expect.stringContaining(said)]);
    });

    test('with garbage between: left out, counted and named', async () => {
      const garbage = ['what is this', 'never,3', `${start},`, '9999999999,3', '\u0000\u0001'];
      write('garbage.csv', [header, ...rows.slice(0, 6_000), ...garbage, ...rows.slice(6_000)]);
      const { code, err } = await folder.run('replay', 'garbage.csv', '--raw');
      expect([code, err]).toEqual([
        0,
        'left out: 2 not of this format, 1 no time that can be read, 1 neither a key nor a path, 1 from the future\n',
      ]);
      expect(await fileOf('garbage.csv')).toMatchObject({
        reads: 11_520,
        file: { lines: 11_525, leftOut: { shape: 2, time: 1, noKey: 1, future: 1 } },
      });
    });

    test('not in order: sorted, and said', async () => {
      write('unsorted.csv', [header, ...rows.slice(6_000), ...rows.slice(0, 6_000)]);
      const { code, err } = await folder.run('replay', 'unsorted.csv', '--raw');
      expect([code, err]).toEqual([0, expect.stringContaining('not in order: 1 reads are earlier')]);
      const result = await fileOf('unsorted.csv');
      expect(result.file).toMatchObject({ unsorted: 1, repeated: 0 });
      // Of equals the one that came first in the file may come first: shares are what must be the same.
      const shares = ({ rules }: Replayed) =>
        Object.entries(rules).map(([rule, all]) => [rule, all.map(({ share }) => share)]);
      expect(shares(result)).toEqual(shares(await fileOf('reads.csv')));
    });

    test('with every row twice: counted as it stands, and said', async () => {
      write('doubled.csv', [header, ...rows.flatMap((row) => [row, row])]);
      const { code, err } = await folder.run('replay', 'doubled.csv', '--raw');
      expect([code, err]).toEqual([
        0,
        expect.stringContaining('11,520 of 23,040 reads repeat the one before, key and time'),
      ]);
    });

    test('with keys that are far too long: one line too many is left out, the rest is read', async () => {
      const long = [`${start + 60},${'x'.repeat(5_000)}`, `${start + 60},${'y'.repeat(2_000_000)}`];
      write('huge.csv', [header, rows[0]!, ...long, ...rows.slice(1)]);
      const result = await fileOf('huge.csv');
      expect(result).toMatchObject({ reads: 11_521, keys: 41, file: { leftOut: { tooLong: 1 } } });
    });
  });

  test('what cannot be replayed is said', async () => {
    const absent = await folder.run('replay', 'nothing.log');
    expect([absent.code, absent.err]).toEqual([
      2,
      expect.stringContaining('E_IMPORT cannot read nothing.log'),
    ]);
    folder.write('short.csv', `epoch_seconds,key\n${start},a\n`);
    const short = await folder.run('replay', 'short.csv', '--raw');
    expect([short.code, short.out]).toEqual([0, expect.stringContaining('nothing to judge a forecast by')]);
    folder.write('other.log', lines.map(() => 'hello\n').join(''));
    expect((await folder.run('replay', 'other.log', '--raw')).code).toBe(2);
  });
});

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

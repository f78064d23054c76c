import { expect, test } from 'vitest';
import { createReader, firstLines, sniffFormat } from '../../../src/access/import-format.ts';
import type { BadLine, HistoryLine } from '../../../src/access/import-line.ts';
import type { ImportFormat } from '../../../src/facade.ts';

/** What a text says, line by line, with the number of the line that said it. */
function read(format: ImportFormat, text: string): [number, HistoryLine | BadLine][] {
  const lines = text.split('\n');
  const said: [number, HistoryLine | BadLine][] = [];
  const { reader, headerLines } = createReader(format, lines[0]!, 'a file', (line, number) =>
    said.push([number, line]),
  );
  lines.forEach((line, i) => {
    if (i >= headerLines) reader.line(line, i + 1);
  });
  reader.end();
  return said;
}
const at = Date.UTC(2000, 9, 10, 20, 55, 36);

const combined = [
  '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
  '2001:db8::1 - - [10/Oct/2000:20:55:36 +0000] "GET /products/42?utm=x HTTP/2.0" 304 0 "-" "curl/8.0"',
  '::ffff:10.0.0.1 - "user name" [10/Oct/2000:20:55:36 +0000] "HEAD / HTTP/1.1" 200 - "-" "-"',
  'shop.example:443 203.0.113.9 - - [10/Oct/2000:20:55:36 +0000] "POST /cart HTTP/1.1" 201 17 "-" "Mozilla/5.0"',
  '203.0.113.9 - - [10/Oct/2000:20:55:36 +0000] "GET /search?q=\\"a b\\" HTTP/1.1" 200 5 "-" "say \\"hi\\" \\x22there\\x22"',
  '203.0.113.9 - - [10/Oct/2000:20:55:36 +0000] "GET /категория/чай HTTP/1.1" 200 5 "-" "Mozilla/5.0" "10.1.1.1" 0.003',
];
const common = '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a/b c HTTP/1.0" 200 2326';

test('lines of nginx and Apache tell time, request, status and agent', () => {
  const said = read('log', [...combined, common].join('\n')).map(([, line]) => line);
  expect(said).toEqual([
    expect.objectContaining({
      at,
      method: 'GET',
      path: '/apache_pb.gif',
      status: 200,
      agent: 'Mozilla/4.08 [en] (Win98; I ;Nav)',
    }),
    expect.objectContaining({ at, path: '/products/42?utm=x', status: 304, agent: 'curl/8.0' }),
    expect.objectContaining({ at, method: 'HEAD', path: '/', agent: '-' }),
    expect.objectContaining({ at, method: 'POST', path: '/cart', status: 201 }),
    expect.objectContaining({ at, path: '/search?q=\\"a b\\"', agent: 'say \\"hi\\" \\x22there\\x22' }),
    expect.objectContaining({ at, path: '/категория/чай', agent: 'Mozilla/5.0' }),
    expect.objectContaining({ at, path: '/a/b c', status: 200 }),
  ]);
  expect(said.at(-1)).not.toHaveProperty('agent');
});

test('garbage between lines of a log is bad, and a request that is none is no read', () => {
  const said = read(
    'log',
    [
      'nonsense',
      '[[[[[[[[[',
      '127.0.0.1 - - [99/Foo/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1',
      '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "\\x16\\x03\\x01\\x02" 400 166 "-" "-"',
      '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTT',
    ].join('\n'),
  ).map(([, line]) => line);
  expect(said).toEqual([
    { bad: 'shape' },
    { bad: 'shape' },
    { bad: 'time' },
    expect.objectContaining({ method: '-', status: 400 }),
    { bad: 'shape' },
  ]);
});

test('NDJSON is read under the names that loggers give to things', () => {
  const said = read(
    'ndjson',
    [
      '{"time":"2000-10-10T20:55:36Z","cache":"products","key":"42","caller":"job","size":17}',
      '{"@timestamp":"2000-10-10T22:55:36.000+02:00","request":"GET /products/42 HTTP/1.1","status":"200","http_user_agent":"x"}',
      '{"msec":971211336.000,"request_uri":"/p?id=1","request_method":"GET","status":200}',
      '{"ts":971211336000,"key":"ключ 🔑","nested":{"a":1},"list":[1],"none":null}',
      '{"time":"2000-10-10T20:55:36Z"}',
      '{"key":"a"}',
      '{"time":',
      '[1,2]',
    ].join('\n'),
  ).map(([, line]) => line);
  expect(said).toEqual([
    expect.objectContaining({ at, cache: 'products', key: '42', path: '42', caller: 'job', bytes: 17 }),
    expect.objectContaining({ at, method: 'GET', path: '/products/42', status: 200, agent: 'x' }),
    expect.objectContaining({ at, method: 'GET', path: '/p?id=1', status: 200 }),
    expect.objectContaining({ at, key: 'ключ 🔑', fields: { ts: '971211336000', key: 'ключ 🔑' } }),
    { bad: 'noKey' },
    { bad: 'time' },
    { bad: 'shape' },
    { bad: 'shape' },
  ]);
});

test('CSV with a header, quoted where it must be', () => {
  const said = read(
    'csv',
    [
      'epoch_seconds,key,size',
      '971211336,a,12',
      '971211336,"a ""quoted"" key, with a comma",',
      '971211336,sku:85123A',
      'x,b,1',
      '971211336',
      '971211336,,5',
      '971211336,c,not a number',
    ].join('\n'),
  );
  expect(said).toEqual([
    [2, expect.objectContaining({ at, key: 'a', bytes: 12 })],
    [3, expect.objectContaining({ at, key: 'a "quoted" key, with a comma', bytes: undefined })],
    [4, expect.objectContaining({ at, key: 'sku:85123A' })],
    [5, { bad: 'time' }],
    [6, { bad: 'shape' }],
    [7, { bad: 'noKey' }],
    [8, expect.objectContaining({ key: 'c', bytes: undefined })],
  ]);
});

test('a quoted field holds line breaks; a quote that never closes costs its own line only', () => {
  const said = read(
    'csv',
    [
      'time;key',
      '971211336;"two',
      'lines"',
      '971211336;a',
      '971211336;5" pipe',
      '971211336;b',
      '971211336;c',
    ].join('\n'),
  );
  expect(said).toEqual([
    [2, expect.objectContaining({ key: 'two\nlines' })],
    [4, expect.objectContaining({ key: 'a' })],
    [5, { bad: 'shape' }],
    [6, expect.objectContaining({ key: 'b' })],
    [7, expect.objectContaining({ key: 'c' })],
  ]);
});

test.each([3, 40])('two stray quotes do not swallow the %d lines between them', (many) => {
  const between = Array.from({ length: many }, (_, i) => `971211336,k${i}`);
  const text = ['time,key', '971211336,5" pipe', ...between, '971211336,6" pipe', '971211336,last'].join(
    '\n',
  );
  const keys = read('csv', text).flatMap(([, line]) => ('key' in line ? [line.key] : []));
  expect(keys).toEqual([...between.map((_, i) => `k${i}`), 'last']);
});

test('what follows a stray quote is not held until the end of the file', () => {
  let said = 0;
  const { reader } = createReader('csv', 'time,key', 'a file', () => {
    said += 1;
  });
  reader.line('971211336,5" pipe', 2);
  for (let i = 3; i < 1_000; i++) reader.line(`971211336,k${i}`, i);
  expect(said).toBeGreaterThan(900);
});

test('the format shows in the first lines, whatever garbage is among them', () => {
  expect(sniffFormat(['epoch_seconds,key,size', '1,a,'], 'f')).toBe('csv');
  expect(sniffFormat(['Time;Cache;Key'], 'f')).toBe('csv');
  expect(sniffFormat(['garbage', '{"time":1,"key":"a"}'], 'f')).toBe('ndjson');
  expect(sniffFormat(['# a comment', combined[1]!], 'f')).toBe('log');
  expect(() => sniffFormat(['hello', 'world'], 'notes.txt')).toThrow(
    expect.objectContaining({
      code: 'E_IMPORT',
      message: 'notes.txt is in none of the formats that are read',
      hints: expect.arrayContaining([expect.stringContaining('expected as csv: epoch_seconds,cache,key')]),
    }),
  );
});

test('CSV that is asked for needs a header', () => {
  expect(() => read('csv', '971211336,a')).toThrow(expect.objectContaining({ code: 'E_IMPORT' }));
});

test('the first lines come without the mark of UTF-8, carriage returns, blanks and a last line cut in two', () => {
  expect(firstLines(Buffer.from('\uFEFFa\r\n\r\nb\nc'), 1_000)).toEqual(['a', 'b', 'c']);
  expect(firstLines(Buffer.from('a\nb\nc'), 5)).toEqual(['a', 'b']);
});

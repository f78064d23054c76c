import { expect, test } from 'vitest';
import { createCallerOf } from '../../../src/access/import-caller.ts';
import { createMap, type MapOptions } from '../../../src/access/import-map.ts';
import { defineCache, defineOrigin } from '../../../src/define.ts';
import { key } from '../../../src/key.ts';

const origin = defineOrigin('db');
const options = { origin, load: async () => new Map(), ttl: '10m' } as const;
const caches = [
  defineCache('products', { ...options, key: key.number }),
  defineCache('pages', { ...options, key: key.string }),
  defineCache('baskets', { ...options, key: key.json<{ a: number; b: number }>() }),
];
const mapOf = (over: Partial<MapOptions>) =>
  createMap({ caches, map: undefined, cache: undefined, columns: undefined, ...over });
const get = (path: string, over: object = {}) => ({
  at: 0,
  path,
  method: 'GET',
  status: 200,
  fields: {},
  ...over,
});

const patterns = [
  { cache: 'products', path: '/products/:id' },
  { cache: 'pages', path: '/*/pages/:slug/view.html' },
];

test('patterns find cache and key in paths', () => {
  const map = mapOf({ map: patterns });
  expect(map(get('/products/42'))).toEqual({ cache: 'products', key: '42' });
  expect(map(get('/products/42/?a=/products/7#x'))).toEqual({ cache: 'products', key: '42' });
  expect(map(get('https://shop.example/products/42'))).toEqual({ cache: 'products', key: '42' });
  expect(map(get('/en/pages/%D1%87%D0%B0%D0%B9%2Fa/view.html'))).toEqual({ cache: 'pages', key: 'чай/a' });
  expect(map(get('/en/pages/50%/view.html'))).toEqual({ cache: 'pages', key: '50%' });
  expect(map(get('/products/42/reviews'))).toBe('unmapped');
  expect(map(get('/products/'))).toBe('unmapped');
  expect(map(get('/en/pages/a/viewXhtml'))).toBe('unmapped');
});

test('keys are written as the key codec of the cache writes them', () => {
  const map = mapOf({ map: patterns });
  expect(map(get('/products/007'))).toEqual({ cache: 'products', key: '7' });
  expect(map(get('/products/new'))).toBe('badKey');
  expect(mapOf({})(get('', { cache: 'baskets', key: '{"b":2, "a":1}' }))).toEqual({
    cache: 'baskets',
    key: '{"a":1,"b":2}',
  });
  expect(mapOf({})(get('', { cache: 'pages', key: 'a\0b' }))).toBe('badKey');
  expect(mapOf({})(get('', { cache: 'pages', key: 'x'.repeat(10_240) }))).toBe('badKey');
});

test('only reads that went well are reads', () => {
  const map = mapOf({ map: patterns });
  expect(map(get('/products/42', { method: 'POST' }))).toBe('notGet');
  expect(map(get('/products/42', { status: 404 }))).toBe('failedRequest');
  expect(map(get('/products/42', { status: 304 }))).toEqual({ cache: 'products', key: '42' });
});

test('a function maps what it likes; columns that name cache and key come before it', () => {
  const map = mapOf({
    map: ({ path, fields }) =>
      fields['kind'] === 'page' ? { cache: 'pages', key: path } : { cache: 'other', key: path },
  });
  expect(map(get('a', { fields: { kind: 'page' } }))).toEqual({ cache: 'pages', key: 'a' });
  expect(map(get('a'))).toBe('unknownCache');
  expect(map(get('a', { cache: 'pages', key: 'b' }))).toEqual({ cache: 'pages', key: 'b' });
});

test('one cache can be named for all lines: its key is the key column, or the path', () => {
  const map = mapOf({ cache: 'pages', map: patterns });
  expect(map(get('/a%20b?q=1', {}))).toEqual({ cache: 'pages', key: '/a b' });
  expect(map(get('ignored', { key: 'k?1' }))).toEqual({ cache: 'pages', key: 'k?1' });
  expect(() => mapOf({ cache: 'page' })).toThrow(
    expect.objectContaining({
      code: 'E_UNKNOWN_CACHE',
      message: "there is no cache 'page', did you mean 'pages'?",
    }),
  );
});

test('a file that cannot say which cache it is about is refused with the two ways out', () => {
  expect(() => mapOf({ columns: ['epoch_seconds', 'key'] })).toThrow(
    expect.objectContaining({
      code: 'E_IMPORT',
      hints: [expect.stringContaining('--cache products'), expect.stringContaining("path: '/products/:id'")],
    }),
  );
});

test.each(['products/:id', '/products', '/:a/:b'])('the pattern %s is refused', (path) => {
  expect(() => mapOf({ map: [{ cache: 'products', path }] })).toThrow(
    expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(`'${path}'`) }),
  );
});

test.each([
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'bot'],
  ['Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)', 'bot'],
  ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', 'bot'],
  ['Screaming Frog SEO Spider/19.0', 'bot'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
    'user',
  ],
  ['okhttp/4.12.0', 'api'],
  ['python-requests/2.31.0', 'api'],
  ['curl/8.5.0', 'api'],
  ['-', 'user'],
  ['', 'user'],
  [undefined, 'user'],
])('%s is read by %s', (agent, caller) => expect(createCallerOf('user')(agent)).toBe(caller));

import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/client.ts';
import { defineOrigin, http } from '../../src/index.ts';
import { redis, until } from '../support/index.ts';
import { counter } from './cache-counter.ts';

const cacheRedis = await redis('cache');
const queueRedis = await redis('queue');

let serve: RequestListener = (_, response) => void response.end('hello');
const asked: IncomingMessage[] = [];
const server = createServer((request, response) => {
  asked.push(request);
  serve(request, response);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const home = `http://127.0.0.1:${port}`;

const options = { origin: defineOrigin('web', { timeout: '5s' }), hosts: [`127.0.0.1:${port}`] };
const web = http('web', {
  ...options,
  allowAddresses: ['127.0.0.1'],
  headers: { 'x-api-key': 's3cret' },
  maxBodyBytes: 5_000,
});
const strict = http('strict', options);
const samovar = await createClient({
  redis: cacheRedis.url,
  queueRedis: queueRedis.url,
  commandTimeout: '10s',
  caches: [web, strict],
  log: { level: 'silent' },
});
const ask = samovar.fetcher(web);
afterAll(async () => {
  await samovar.stop();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

const stored = async () => (await cacheRedis.client.keys('sv:*:e:*')).length;
const allStored = (count: number) => until(async () => (await stored()) === count, `${count} are stored`);
beforeEach(async () => {
  await cacheRedis.flush();
  asked.length = 0;
});

const answering =
  (headers: Record<string, string>, body = 'hello', status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

describe('an address of the web', () => {
  test('is asked once as long as its answer holds', async () => {
    serve = answering({ 'cache-control': 'max-age=60', 'content-type': 'application/json' }, '{"tea":3}');
    const first = await ask(`${home}/prices?of=tea#top`);
    expect([first.status, first.ok, first.url, await first.json()]).toEqual([
      200,
      true,
      `${home}/prices?of=tea`,
      { tea: 3 },
    ]);
    await allStored(1);
    const second = await ask(new URL(`${home}/prices?of=tea`), { method: 'GET' });
    expect(await second.json()).toEqual({ tea: 3 });
    expect(second.headers.get('content-type')).toBe('application/json');
    expect(asked).toHaveLength(1);
    await ask(`${home}/prices?of=coffee`);
    expect(asked).toHaveLength(2);
  });

  test('is asked by one of many', async () => {
    serve = answering({ 'cache-control': 'max-age=60' });
    await Promise.all(Array.from({ length: 10 }, () => ask(`${home}/many`)));
    expect(asked).toHaveLength(1);
  });

  test('is asked whether its answer still holds, and its body comes once', async () => {
    serve = (request, response) => {
      if (request.headers['if-none-match'] === '"1"')
        response.writeHead(304, { etag: '"1"', 'cache-control': 'no-cache' }).end();
      else response.writeHead(200, { etag: '"1"', 'cache-control': 'no-cache' }).end('body');
    };
    for (const time of [1, 2, 3]) {
      const response = await ask(`${home}/etag`);
      expect([response.status, await response.text()]).toEqual([200, 'body']);
      await until(() => asked.length === time, 'it was asked each time');
      await allStored(1);
    }
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"1"', '"1"']);
  });

  test('never answers with what no longer holds', async () => {
    const url = `${home}/old`;
    serve = answering({ 'cache-control': 'max-age=60', age: '100' }, 'old');
    expect(await (await ask(url)).text()).toBe('old');
    await until(() => samovar.cache(web).has({ url }), 'it is kept');
    serve = answering({ 'cache-control': 'max-age=60' }, 'new');
    expect(await (await ask(url)).text()).toBe('new');
  });

  test('is asked again at once where nothing may be kept', async () => {
    serve = answering({ 'cache-control': 'no-store' });
    await ask(`${home}/secret`);
    await ask(`${home}/secret`);
    expect(asked).toHaveLength(2);
    await until(async () => (await stored()) === 0, 'nothing is stored');
    serve = answering({}, 'broken', 503);
    expect((await ask(`${home}/secret`)).status).toBe(503);
    serve = answering({ 'cache-control': 'max-age=60' });
    expect((await ask(`${home}/secret`)).status).toBe(200);
  });

  test('answers each language with its own', async () => {
    serve = ({ headers }, response) =>
      void response
        .writeHead(200, { 'cache-control': 'max-age=60', vary: 'Accept-Language' })
        .end(headers['accept-language'] ?? 'none');
    const say = async (language?: string) =>
      (
        await ask(`${home}/hello`, language === undefined ? {} : { headers: { 'Accept-Language': language } })
      ).text();
    for (let i = 0; i < 2; i++) {
      expect([await say('de'), await say('en'), await say()]).toEqual(['de', 'en', 'none']);
      await allStored(3);
    }
    expect(asked).toHaveLength(3);
  });

  test('is forgotten when told to', async () => {
    serve = answering({ 'cache-control': 'max-age=60' });
    await ask(`${home}/a`);
    await allStored(1);
    await ask.invalidate(`${home}/a`);
    await ask(`${home}/a`);
    await allStored(1);
    await ask.invalidateAll();
    await ask(`${home}/a`);
    expect(asked).toHaveLength(3);
    expect(ask.stats().loads).toBeGreaterThanOrEqual(3);
  });

  test('is asked by HEAD apart from GET', async () => {
    serve = answering({ 'cache-control': 'max-age=60' });
    const head = await ask(`${home}/h`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(await (await ask(`${home}/h`)).text()).toBe('hello');
    expect(asked.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  test('leaves no secret in the cache', async () => {
    serve = answering({ 'cache-control': 'max-age=60', vary: 'x-api-key' });
    await ask(`${home}/s`);
    await allStored(1);
    const [name] = await cacheRedis.client.keys('sv:*:e:*');
    expect(asked[0]!.headers['x-api-key']).toBe('s3cret');
    expect((await cacheRedis.client.get(name!))!).not.toContain('s3cret');
  });
});

describe('what is refused', () => {
  const refusals: [string, () => Promise<unknown>, string][] = [
    ['another host', () => ask('https://example.com/'), 'E_KEY'],
    ['another protocol', () => ask('ftp://127.0.0.1/'), 'E_KEY'],
    ['another method', () => ask(home, { method: 'POST' as never }), 'E_KEY'],
    ['a header that is not passed on', () => ask(home, { headers: { cookie: 'a=b' } }), 'E_KEY'],
    ['a word to the cache', () => ask(home, { headers: { 'cache-control': 'max-stale' } }), 'E_KEY'],
    ['a header with lines in it', () => ask(home, { headers: { accept: 'a\nb: c' } }), 'E_KEY'],
    ['no address', () => ask(''), 'E_KEY'],
    ['an address that is not public', () => samovar.fetcher(strict)(home), 'E_LOAD_FAILED'],
  ];
  test.each(refusals)('%s', async (_, refused, code) => {
    await expect(refused()).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });

  test('a body that is too long, for its caller alone', async () => {
    serve = ({ url }, response) => void response.end('x'.repeat(url === '/long' ? 5_001 : 5_000));
    await expect(ask(`${home}/long`)).rejects.toThrow('is longer than 5000 bytes');
    expect(await (await ask(`${home}/short`)).text()).toHaveLength(5_000);
  });

  test.each<[Partial<Parameters<typeof http>[1]>]>([
    [{ hosts: [] }],
    [{ hosts: ['https://a.example'] }],
    [{ pass: ['authorization'] }],
    [{ allowAddresses: ['localhost'] }],
    [{ maxBodyBytes: -1 }],
    [{ ttl: 'soon' as never }],
  ])('definitions that cannot be meant: %j', (wrong) => {
    expect(() => http('x', { ...options, ...wrong })).toThrowError(
      expect.objectContaining({ code: 'E_CONFIG' }),
    );
  });
});

test('a worker warms addresses by their keys, and asks about what is stale', async () => {
  const worker = await counter([web]);
  const id = { url: `${home}/warm`, headers: { Accept: 'text/html' } } as const;
  const key = web.key.encode(id);
  expect(key).toBe(`GET ${home}/warm\naccept: text/html`);
  const fill = () =>
    worker.caches.fill('web', { keys: [key], reason: 'warm', signal: new AbortController().signal });
  serve = answering({ 'cache-control': 'max-age=60', age: '100', etag: '"1"' });
  expect((await fill()).results).toEqual(['written']);
  expect(asked[0]!.headers.accept).toBe('text/html');
  serve = answering({ 'cache-control': 'max-age=60', etag: '"1"' }, '', 304);
  await until(async () => (await fill()).results[0] === 'written', 'it is stale a moment later');
  expect(asked.at(-1)!.headers['if-none-match']).toBe('"1"');
  expect((await fill()).results).toEqual(['fresh']);
  const { body } = (await worker.caches.open(web).get(id))!;
  expect(Buffer.from(body).toString()).toBe('hello');
  expect(asked).toHaveLength(2);
});

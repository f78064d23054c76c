import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { HttpAnswer } from '../../src/front.ts';
import { addressRule } from '../../src/fronts/address.ts';
import { type AskOptions, createAsk } from '../../src/fronts/ask.ts';
import { placeRule } from '../../src/fronts/places.ts';
import { cert, key } from '../support/certificate.ts';

/** What the server does, set by each test; what it was asked. */
let serve: RequestListener = (_, response) => void response.end('hello');
const asked: IncomingMessage[] = [];
const listener: RequestListener = (request, response) => {
  asked.push(request);
  serve(request, response);
};
const start = async (server: Server = createServer(listener)) => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return (server.address() as AddressInfo).port;
};
const [port, otherPort] = [await start(), await start()];
const securePort = await start(createSecureServer({ key, cert }, listener));
const home = `http://127.0.0.1:${port}`;
const other = `http://127.0.0.1:${otherPort}`;
const secure = `https://127.0.0.1:${securePort}`;

beforeEach(() => {
  asked.length = 0;
  serve = (_, response) => void response.end('hello');
});

const hosts = [`127.0.0.1:${port}`, `127.0.0.1:${otherPort}`, `localhost:${port}`, `127.0.0.1:${securePort}`];
const asking = ({ shared = true, ...more }: Partial<AskOptions> & { shared?: boolean } = {}) =>
  createAsk({
    place: placeRule(hosts, "'web'"),
    headers: {},
    isAllowed: addressRule(['127.0.0.1', '::1'], 'x'),
    maxBodyBytes: 1_000,
    maxRedirects: 2,
    freshness: { isShared: shared, silentMs: 0 },
    ...more,
  });
const { signal } = new AbortController();
const ask = (path: string, past?: HttpAnswer, options?: Parameters<typeof asking>[0]) =>
  asking(options)({ url: `${home}${path}` }, { signal, past });
const text = ({ body }: HttpAnswer) => Buffer.from(body).toString();
const answering =
  (headers: Record<string, string | string[]>, body = 'hello', status = 200): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

describe('how long an answer holds', () => {
  test.each<[Record<string, string>, boolean, number]>([
    [{ 'cache-control': 'max-age=60' }, true, 60_000],
    [{ 'cache-control': 'max-age=60, s-maxage=10' }, true, 10_000],
    [{ 'cache-control': 'max-age=60', age: '20' }, true, 40_000],
    [{ 'cache-control': 'max-age=60', age: '90' }, true, 0],
    [{ 'cache-control': 'no-cache' }, true, 0],
    [{ 'cache-control': 'no-store' }, false, 0],
    [{ 'cache-control': 'private, max-age=60' }, false, 0],
    [{ 'cache-control': 'max-age=60', 'set-cookie': 'a=b' }, true, 0],
    [{ 'cache-control': 'max-age=60', vary: '*' }, true, 0],
    [{ 'cache-control': 'max-age=60', vary: 'accept-language' }, true, 60_000],
    [{}, true, 0],
  ])('%j', async (headers, isKept, freshMs) => {
    serve = answering(headers);
    const answer = await ask('/');
    expect([answer.status, text(answer), answer.isKept]).toEqual([200, 'hello', isKept]);
    expect(answer.freshMs).toBeLessThanOrEqual(freshMs);
    expect(answer.freshMs).toBeGreaterThanOrEqual(freshMs - Math.min(freshMs, 3_000));
  });

  test('is for the application to say where the answer says nothing', async () => {
    const silent = { freshness: { isShared: true, silentMs: 5_000 } };
    expect((await ask('/', undefined, silent)).freshMs).toBeGreaterThan(3_000);
    serve = answering({ 'cache-control': 'no-cache' });
    expect((await ask('/', undefined, silent)).freshMs).toBe(0);
    serve = answering({}, 'broken', 500);
    expect(await ask('/', undefined, silent)).toMatchObject({ status: 500, isKept: false });
  });

  test('a private answer is kept for one user', async () => {
    serve = answering({ 'cache-control': 'private, max-age=60' });
    expect(await ask('/', undefined, { shared: false })).toMatchObject({ isKept: true });
  });

  test('what was asked with a secret is kept when the answer allows it, and the secret is not', async () => {
    const headers = { Authorization: 'Bearer s3cret' };
    serve = answering({ 'cache-control': 'max-age=60' });
    expect(await ask('/', undefined, { headers })).toMatchObject({ isKept: false });
    serve = answering({ 'cache-control': 'public, max-age=60', vary: 'authorization' });
    const answer = await ask('/', undefined, { headers });
    expect(asked.at(-1)!.headers.authorization).toBe('Bearer s3cret');
    expect(answer.isKept).toBe(true);
    expect(JSON.stringify(answer)).not.toContain('s3cret');
  });

  test('cookies are neither kept nor handed out', async () => {
    serve = answering({ 'cache-control': 'public, max-age=60', 'set-cookie': ['a=s3cret', 'b=c'] });
    expect(JSON.stringify(await ask('/'))).not.toContain('s3cret');
  });
});

describe('an answer that no longer holds', () => {
  const past = async (headers: Record<string, string>, body = 'hello') => {
    serve = answering({ 'cache-control': 'max-age=60', age: '100', ...headers }, body);
    return ask('/');
  };

  test.each([
    [{ etag: '"1"' }, 'if-none-match', '"1"'],
    [{ etag: 'W/"1"' }, 'if-none-match', 'W/"1"'],
    [
      { 'last-modified': 'Mon, 05 Jan 2026 00:00:00 GMT' },
      'if-modified-since',
      'Mon, 05 Jan 2026 00:00:00 GMT',
    ],
  ])('is asked about with %j, and used again', async (validator, name, value) => {
    const old = await past(validator);
    expect(old.freshMs).toBe(0);
    serve = answering({ ...validator, 'cache-control': 'max-age=30' }, '', 304);
    const renewed = await ask('/', old);
    expect(asked.at(-1)!.headers[name]).toBe(value);
    expect([renewed.status, text(renewed), renewed.isKept]).toEqual([200, 'hello', true]);
    expect(renewed.freshMs).toBeGreaterThan(25_000);
    expect(renewed.headers['cache-control']).toBe('max-age=30');
  });

  test('gives way to a new one', async () => {
    const old = await past({ etag: '"1"' });
    serve = answering({ etag: '"2"', 'cache-control': 'max-age=30' }, 'new');
    expect(text(await ask('/', old))).toBe('new');
  });

  test('stays when the origin is broken and it may: stale-if-error', async () => {
    const old = await past({ etag: '"1"', 'cache-control': 'max-age=60, stale-if-error=600' });
    serve = answering({}, 'broken', 503);
    expect(text(await ask('/', old))).toBe('hello');
    const strict = await past({ etag: '"1"' });
    serve = answering({}, 'broken', 503);
    expect(await ask('/', strict)).toMatchObject({ status: 503, isKept: false });
  });

  test('is asked for whole when the origin speaks of something else', async () => {
    const old = await past({ etag: '"1"' });
    serve = (request, response) => {
      if (request.headers['if-none-match']) response.writeHead(304, { etag: '"7"' }).end();
      else response.writeHead(200, { etag: '"7"' }).end('seven');
    };
    expect(text(await ask('/', old))).toBe('seven');
  });
});

describe('redirects', () => {
  test('are followed, and the answer holds no longer than they do', async () => {
    serve = ({ url }, response) => {
      if (url === '/a') response.writeHead(301, { location: '/b', 'cache-control': 'max-age=10' }).end();
      else response.writeHead(200, { 'cache-control': 'max-age=60', etag: '"1"' }).end('b');
    };
    const answer = await ask('/a');
    expect([answer.url, text(answer)]).toEqual([`${home}/b`, 'b']);
    expect(answer.freshMs).toBeLessThanOrEqual(10_000);
    await ask('/a', { ...answer, freshMs: 0 });
    expect(asked.map(({ headers }) => headers['if-none-match'])).toEqual(new Array(4).fill(undefined));
  });

  test('that may change hold not at all', async () => {
    serve = ({ url }, response) =>
      void (url === '/a'
        ? response.writeHead(302, { location: '/b' }).end()
        : response.writeHead(200, { 'cache-control': 'max-age=60' }).end('b'));
    expect((await ask('/a')).freshMs).toBe(0);
  });

  test('take no secret to another host', async () => {
    serve = ({ url }, response) =>
      void (url === '/a' ? response.writeHead(302, { location: `${other}/b` }).end() : response.end('b'));
    await ask('/a', undefined, { headers: { 'x-api-key': 's3cret' } });
    expect(asked.map(({ headers }) => headers['x-api-key'])).toEqual(['s3cret', undefined]);
  });

  describe('from a server whose certificate is believed', () => {
    beforeAll(() => {
      vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
      vi.spyOn(process, 'emitWarning').mockReturnValue(undefined); // Node warns of it
    });
    afterAll(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });
    const askSecurely = (location: string) => {
      serve = ({ url }, response) =>
        void (url === '/a' ? response.writeHead(302, { location }).end() : response.end('b'));
      return asking()({ url: `${secure}/a` }, { signal, past: undefined });
    };

    test('stay encrypted', async () => {
      expect(text(await askSecurely('/b'))).toBe('b');
      expect(asked).toHaveLength(2);
    });

    test('are refused where they lead away from it', async () => {
      await expect(askSecurely(`${home}/b`)).rejects.toThrow('leads away from https');
      expect(asked).toHaveLength(1);
    });
  });

  test('a certificate that nobody signed is not believed', async () => {
    const answer = asking()({ url: `${secure}/a` }, { signal, past: undefined });
    await expect(answer).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(asked).toEqual([]);
  });

  test.each([
    ['http://169.254.169.254/latest', '169.254.169.254 is not among its `hosts`'],
    ['https://example.com/', 'example.com is not among its `hosts`'],
    ['file:///etc/passwd', 'its protocol is file:'],
    ['http://a:b@127.0.0.1/', 'it holds a name or a password'],
    ['/loop', 'more than 2 redirects'],
  ])('to %s are refused', async (location, message) => {
    serve = (_, response) => void response.writeHead(302, { location }).end();
    await expect(ask('/loop')).rejects.toThrow(message);
  });
});

describe('addresses that are not public', () => {
  test('are refused before anything is sent, as a number and behind a name', async () => {
    const strict = asking({ isAllowed: addressRule([], 'x') });
    for (const host of ['127.0.0.1', 'localhost'])
      await expect(strict({ url: `http://${host}:${port}/` }, { signal, past: undefined })).rejects.toThrow(
        `${host} leads to an address that is not public`,
      );
    expect(asked).toEqual([]);
  });

  test('are reached by name when they are named', async () => {
    const answer = await asking()({ url: `http://localhost:${port}/` }, { signal, past: undefined });
    expect(text(answer)).toBe('hello');
  });
});

describe('a body', () => {
  test('is decoded, and its length told of what it is then', async () => {
    serve = answering({ 'content-encoding': 'gzip', 'content-type': 'text/plain' }, undefined);
    serve = (_, response) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(900)));
    const answer = await ask('/');
    expect(text(answer)).toBe('x'.repeat(900));
    expect(answer.headers).not.toHaveProperty('content-encoding');
  });

  test.each<[string, RequestListener]>([
    ['as it is', (_, response) => void response.end('x'.repeat(1_001))],
    [
      'once it is decoded',
      (_, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(100_000))),
    ],
    [
      'without an end',
      (_, response) => {
        const more = () => void (response.destroyed || response.write('x'.repeat(500), more));
        more();
      },
    ],
  ])('that is too long %s is refused', async (_, listener) => {
    serve = listener;
    await expect(ask('/')).rejects.toThrow('is longer than 1000 bytes');
  });

  test.each<[string, RequestListener]>([
    ['is not what it says', answering({ 'content-encoding': 'gzip' }, 'plain')],
    ['is in a form nobody asked for', answering({ 'content-encoding': 'zstd' }, 'plain')],
    [
      'breaks off',
      (_, response) =>
        void response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy()),
    ],
  ])('that %s is an error', async (_, listener) => {
    serve = listener;
    await expect(ask('/')).rejects.toThrow();
  });

  test('is not waited for once the time is over', async () => {
    const controller = new AbortController();
    serve = (_, response) => void response.write('x', () => controller.abort(new Error('late')));
    await expect(asking()({ url: home }, { signal: controller.signal, past: undefined })).rejects.toThrow();
  });
});

test('a status that HTTP does not know is an error', async () => {
  serve = (_, response) => void response.writeHead(999).end();
  await expect(ask('/')).rejects.toThrow('a status that HTTP does not know: 999');
});

test('HEAD is asked by HEAD', async () => {
  serve = answering({ 'content-encoding': 'gzip', etag: '"1"' });
  const answer = await asking()({ url: home, method: 'HEAD' }, { signal, past: undefined });
  expect([answer.status, answer.body.length, answer.headers['etag'], asked[0]!.method]).toEqual([
    200,
    0,
    '"1"',
    'HEAD',
  ]);
});

test('only what was given is sent along', async () => {
  await asking({ headers: { 'user-agent': 'shop/1' } })(
    { url: home, headers: { Accept: 'text/html' } },
    { signal, past: undefined },
  );
  expect(asked[0]!.headers).toEqual({
    host: `127.0.0.1:${port}`,
    accept: 'text/html',
    'accept-encoding': 'gzip, br',
    connection: 'keep-alive',
    'user-agent': 'shop/1',
  });
});

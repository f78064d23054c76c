import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { type HttpOptions, runProbes, serveHttp } from '../../../src/metrics/http.ts';
import { fakeClock } from '../../../src/testing/clock.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const start = async (options: Partial<HttpOptions> = {}) => {
  const server = await serveHttp({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'up 1\n' },
    unhealthy: () => undefined,
    probes: [],
    ...options,
  });
  closers.push(() => server.close());
  return server;
};
const get = async (url: string) => {
  const response = await fetch(url);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
};

describe('the page of a worker', () => {
  test('tells that the process is alive, until only a restart helps', async () => {
    let why: string | undefined;
    const { url } = await start({ unhealthy: () => why });
    expect(await get(`${url}/healthz`)).toMatchObject({ status: 200, body: '{"ok":true}' });
    why = '12 warm jobs wait';
    expect(await get(`${url}/healthz`)).toMatchObject({
      status: 503,
      body: '{"ok":false,"why":"12 warm jobs wait"}',
    });
  });

  test('tells whether work can be done, and what is missing', async () => {
    let isUp = true;
    const { url } = await start({
      probes: [
        { name: 'cache', check: async () => 'PONG' },
        {
          name: 'postgres',
          check: async () => {
            if (!isUp) throw new Error('postgres://me:hush@db is away');
          },
        },
      ],
    });
    const ready = await get(`${url}/readyz`);
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toEqual({
      ok: true,
      checks: [
        { name: 'cache', ok: true, ms: expect.any(Number) },
        { name: 'postgres', ok: true, ms: expect.any(Number) },
      ],
    });
    isUp = false;
    const not = await get(`${url}/readyz`);
    expect(not.status).toBe(503);
    expect(JSON.parse(not.body)).toMatchObject({
      ok: false,
      checks: [{ ok: true }, { name: 'postgres', ok: false, error: 'postgres://me:***@db is away' }],
    });
  });

  test('serves the metrics under their own type', async () => {
    const { url } = await start();
    expect(await get(`${url}/metrics`)).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4',
      body: 'up 1\n',
    });
  });

  test('answers anything else with where to look, and an error with its text', async () => {
    const { url } = await start({
      metrics: {
        contentType: 'text/plain',
        text: () => Promise.reject(new Error('redis://:hush@h')),
      },
    });
    expect(await get(`${url}/`)).toMatchObject({ status: 404, body: expect.stringContaining('/healthz') });
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 500, body: '{"error":"redis://:***@h"}' });
  });

  test('needs a port that is free', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    closers.push(async () => {
      other.close();
      await once(other, 'close');
    });
    const { port } = other.address() as AddressInfo;
    const refused = await start({ port }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'E_CONFIG',
      message: `\`http.port\`: 127.0.0.1:${port} is taken by another process`,
      hints: [expect.stringMatching(/PORT.*0 takes any/)],
    });
  });

  test('closes although somebody is in the midst of asking', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /healthz HTTP/1.1\r\n');
    const ended = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {}); // to be cut off is what it is here for
    await server.close();
    await ended;
    closers.splice(0);
  });
});

describe('probes', () => {
  test('are asked at once, and one that does not answer in its time has failed', async () => {
    const clock = fakeClock();
    let aborted = false;
    const asked = runProbes(
      [
        { name: 'quick', check: async () => {} },
        {
          name: 'slow',
          timeoutMs: 500,
          check: (signal) =>
            new Promise(() => {
              signal.addEventListener('abort', () => {
                aborted = true;
              });
            }),
        },
        { name: 'usual', check: () => new Promise(() => {}) },
        {
          name: 'sudden',
          check: () => {
            throw new Error('at once');
          },
        },
      ],
      clock,
    );
    await clock.advance(2_000);
    expect(await asked).toEqual([
      { name: 'quick', ok: true, ms: 0 },
      { name: 'slow', ok: false, ms: 500, error: 'no answer within 500 ms' },
      { name: 'usual', ok: false, ms: 2_000, error: 'no answer within 2000 ms' },
      { name: 'sudden', ok: false, ms: 0, error: 'at once' },
    ]);
    expect(aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

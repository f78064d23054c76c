import { createServer, type Server, Socket } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fakeClock, redis, type ServerProxy, startProxy, until } from '../support/index.ts';

const direct = await redis('cache');
const clock = fakeClock();
let proxy: ServerProxy;
let client: Redis;

beforeEach(async () => {
  await direct.flush();
  proxy = await startProxy(direct.url, clock);
  client = new Redis(proxy.url, {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => 20,
  });
  client.on('error', () => {}); // what the proxy is for
  await client.ping();
});
afterEach(async () => {
  client.disconnect();
  await proxy.close();
});

/** What became of a promise, without waiting for it. */
function watch<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const seen: { value?: T; error?: unknown } = {};
  promise.then(
    (value) => (seen.value = value),
    (error: unknown) => (seen.error = error),
  );
  return seen;
}

test('passes everything, and its URL keeps user, password and database', async () => {
  expect(new URL(proxy.url).password).toBe(new URL(direct.url).password);
  await client.set('k', 'v');
  expect(await direct.client.get('k')).toBe('v');
  expect(proxy.connections).toBe(1);
});

test('delays what is said both ways', async () => {
  proxy.delay(250);
  const seen = watch(client.set('k', 'v'));
  await until(() => clock.pending === 1, 'the command is held');
  await clock.advance(249);
  expect(await direct.client.exists('k')).toBe(0);
  await clock.advance(1);
  await until(() => direct.client.exists('k'), 'the command arrives');
  await until(() => clock.pending === 1, 'the reply is held');
  expect(seen).toEqual({});
  await clock.advance(250);
  await until(() => seen.value === 'OK', 'the reply arrives');
});

test('a black hole from the server loses the reply, not the command', async () => {
  proxy.blackHole('from-server');
  const seen = watch(client.set('k', 'v'));
  await until(() => direct.client.exists('k'), 'the command is carried out');
  await until(() => proxy.lostBytes > 0, 'its reply is gone');
  expect(seen).toEqual({});
  proxy.pass();
  proxy.cut();
  await until(() => seen.error, 'the command fails with its connection');
});

test('a black hole to the server loses the command, and the connection stays', async () => {
  proxy.blackHole('to-server');
  const seen = watch(client.set('k', 'v'));
  await until(() => proxy.lostBytes > 0, 'the command is gone');
  proxy.pass();
  expect(await direct.client.exists('k')).toBe(0);
  expect(seen).toEqual({});
  expect(proxy.connections).toBe(1);
  proxy.cut();
  await until(() => seen.error, 'the command fails with its connection');
});

test('a cut after the next reply loses exactly that reply', async () => {
  proxy.cut(0);
  await expect(client.set('k', 'v')).rejects.toThrow();
  expect(await direct.client.get('k')).toBe('v');
  await until(() => client.ping(), 'the client is connected again');
});

test('a cut counts the bytes of the server', async () => {
  const reply = '$1\r\nv\r\n';
  await direct.client.set('k', 'v');
  proxy.cut(reply.length + 3);
  expect(await client.get('k')).toBe('v');
  await expect(client.get('k')).rejects.toThrow();
});

test('refuses until it passes again', async () => {
  proxy.refuse();
  await until(() => proxy.connections === 0, 'the connection is gone');
  await until(() => client.status === 'reconnecting', 'the client tries again');
  expect(proxy.connections).toBe(0);
  proxy.pass();
  expect(await until(() => client.ping(), 'the client is connected again')).toBe('PONG');
});

test('a server that goes away takes the connection with it', async () => {
  const server = await new Promise<Server>((resolve) => {
    const made: Server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    made.listen(0, '127.0.0.1', () => resolve(made));
  });
  const address = server.address();
  const before = await startProxy(`redis://127.0.0.1:${typeof address === 'object' && address?.port}`);
  const lost = new Redis(before.url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  lost.on('error', () => {}); // it is refused, on purpose
  await expect(lost.ping()).rejects.toThrow();
  await until(() => before.connections === 0, 'nothing is left of it');
  await before.close();
  await new Promise((resolve) => server.close(resolve));
});

test('a connection that is cut while one of its sides ends leaves nothing open', async () => {
  const { end } = Socket.prototype;
  const cutAtEnd = vi.spyOn(Socket.prototype, 'end').mockImplementation(function (this: Socket) {
    Reflect.apply(end, this, []);
    if (this.remotePort === Number(new URL(direct.url).port)) proxy.cut();
    return this;
  });
  try {
    client.disconnect();
    await until(() => proxy.connections === 0, 'both sides are closed');
    expect(cutAtEnd).toHaveBeenCalled();
  } finally {
    cutAtEnd.mockRestore();
  }
});

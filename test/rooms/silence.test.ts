import { expect, test } from 'vitest';
import { openRedis } from '../../src/connect.ts';
import { redis, startProxy, until } from '../support/index.ts';

const direct = await redis('cache');

test('a server that is gone without a word is left for a new connection', async () => {
  const proxy = await startProxy(direct.url);
  const client = openRedis({ role: 'cache', url: proxy.url, from: 'the test', commandTimeoutMs: 100 });
  const told: string[] = [];
  client.on('error', ({ message }: Error) => told.push(message));
  try {
    await client.connect();
    await client.set('key', 'value');
    proxy.blackHole();
    const left = new Promise((resolve) => client.once('close', resolve));
    await expect(client.get('key')).rejects.toThrow('Command timed out');
    await left;
    expect(told).toEqual(['nothing was heard of the server for 2500 ms']);
    proxy.pass();
    await until(() => client.status === 'ready', 'a new connection');
    expect(await client.get('key')).toBe('value');
  } finally {
    client.disconnect();
    await proxy.close();
  }
});

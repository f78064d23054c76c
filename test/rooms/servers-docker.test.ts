import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, expect, test } from 'vitest';
import { packageRoot } from '../../src/files.ts';
import type { Machine } from '../../src/servers/choose.ts';
import { hasDocker } from '../../src/servers/machine.ts';
import { startRedis, startRedisOn } from '../../src/servers/redis.ts';
import { until } from '../support/index.ts';
import { isPortFree } from '../support/ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'samovar-docker-'));
const before = { ...process.env };
const bare: Machine = { platform: 'linux', hasDocker: true, isRoot: false, hasSudo: false };

/** Where there is no engine its client is stood in for; the Redis behind it is real. */
function standIn(redis: string): void {
  const script = join(packageRoot, 'test/support/docker-stand-in.mjs');
  writeFileSync(join(folder, 'docker'), `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`, {
    mode: 0o755,
  });
  mkdirSync(join(folder, 'state'));
  process.env['PATH'] = [folder, before['PATH']].join(delimiter);
  process.env['DOCKER_STAND_IN'] = join(folder, 'state');
  process.env['DOCKER_REDIS'] = redis;
}

afterEach(() => {
  for (const name of ['DOCKER_STAND_IN', 'DOCKER_REDIS', 'DOCKER_FAILS']) delete process.env[name];
  process.env['PATH'] = before['PATH'];
  rmSync(join(folder, 'state'), { recursive: true, force: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a container is configured, frozen, killed, restarted and removed like a program', async () => {
  const probe = await startRedis({ role: 'queue' });
  await probe.stop();
  if (probe.how !== 'docker') standIn(probe.how);
  const notices: string[] = [];
  const server = await startRedisOn(bare, {
    role: 'cache',
    appendOnly: true,
    notice: (text) => notices.push(text),
  });
  expect(server.how).toBe('docker');
  expect(notices).toEqual(['starting Redis with Docker']);
  const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => {}); // the test takes the server away
  expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'volatile-lfu']);
  expect(await client.config('GET', 'save')).toEqual(['save', '']);
  await client.set('k', 'v');

  await server.pause();
  let isAnswered = false;
  const reply = client.get('k').then((value) => {
    isAnswered = true;
    return value;
  });
  await until(() => client.commandQueue.length === 1, 'the command is on its way');
  expect(isAnswered).toBe(false);
  await server.resume();
  expect(await reply).toBe('v');

  await server.kill();
  await until(() => isPortFree(server.port), 'it is down');
  await server.restart();
  expect(await client.get('k')).toBe('v');
  client.disconnect();

  await server.stop();
  if (probe.how !== 'docker') expect(readdirSync(join(folder, 'state'))).toEqual([]);
  expect(await isPortFree(server.port)).toBe(true);
});

test('what Docker said is in the message when no other way is left', async () => {
  standIn('none');
  process.env['DOCKER_FAILS'] = '1';
  const starting = startRedisOn(bare, { role: 'queue' });
  await expect(starting).rejects.toMatchObject({
    code: 'E_SERVERS',
    hints: [
      'docker run failed',
      '  docker: no space left on device',
      'install Redis 6.2 or later with your package manager',
    ],
  });
});

test('Docker counts as there when its engine answers, not when its client does', async () => {
  standIn('none');
  expect(await hasDocker()).toBe(true);
  process.env['DOCKER_FAILS'] = '1';
  expect(await hasDocker()).toBe(false);
});

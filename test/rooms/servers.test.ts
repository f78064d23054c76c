import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { SamovarError } from '../../src/errors.ts';
import { freePort } from '../../src/servers/port.ts';
import { startPostgres, startPostgresFrom } from '../../src/servers/postgres.ts';
import { childrenOf, isAlive } from '../../src/servers/processes.ts';
import { type RedisRole, startRedis, startRedisOn } from '../../src/servers/redis.ts';
import type { Server } from '../../src/servers/server.ts';
import { until } from '../support/index.ts';
import { isPortFree, occupy } from '../support/ports.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function started<S extends Server>(starting: Promise<S>): Promise<S> {
  const server = await starting;
  undo.push(() => server.stop());
  return server;
}

function redisClient(server: Server): Redis {
  const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  client.on('error', () => {}); // the tests take the server away
  undo.push(() => client.disconnect());
  return client;
}

async function ask<Row extends pg.QueryResultRow>(server: Server, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const isFrozen = (pid: number): boolean =>
  process.platform === 'linux'
    ? readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ')
    : spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('T');

/** The identifiers of the machine's System V shared memory. */
const segments = (): string[] => {
  const table =
    process.platform === 'linux'
      ? readFileSync('/proc/sysvipc/shm', 'utf8')
      : spawnSync('ipcs', ['-m'], { encoding: 'utf8' }).stdout;
  return table.split('\n').map((line) => line.trim().split(/\s+/)[1] ?? '');
};

const refusal = async (promise: Promise<unknown>): Promise<SamovarError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SamovarError);
  return error as SamovarError;
};

describe('Redis', () => {
  test.each<[RedisRole, string, string, string]>([
    ['queue', 'noeviction', '0', 'no'],
    ['buffer', 'noeviction', '0', 'yes'],
    ['cache', 'volatile-lfu', String(256 * 1024 * 1024), 'no'],
  ])('of the role %s has the policy %s', async (role, policy, maxMemory, appendOnly) => {
    const server = await started(startRedis({ role }));
    const client = redisClient(server);
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', policy]);
    expect(await client.config('GET', 'maxmemory')).toEqual(['maxmemory', maxMemory]);
    expect(await client.config('GET', 'appendonly')).toEqual(['appendonly', appendOnly]);
    expect(await client.config('GET', 'bind')).toEqual(['bind', '127.0.0.1']);
  });

  test('takes its memory limit from its owner, and strangers are not let in', async () => {
    const server = await started(startRedis({ role: 'cache', maxMemory: '8mb' }));
    expect(await redisClient(server).config('GET', 'maxmemory')).toEqual([
      'maxmemory',
      String(8 * 1024 * 1024),
    ]);
    const stranger = new Redis(server.port, '127.0.0.1', { retryStrategy: () => null });
    stranger.on('error', () => {}); // the greeting is refused as well
    undo.push(() => stranger.disconnect());
    await expect(stranger.get('k')).rejects.toThrow(/NOAUTH/);
  });

  test('leaves no process, folder or port when it is stopped', async () => {
    const server = await startRedis({ role: 'queue' });
    const { pid, folder, port } = server;
    expect([isAlive(pid!), existsSync(folder!), await isPortFree(port)]).toEqual([true, true, false]);
    expect(statSync(folder!).mode & 0o077).toBe(0);
    await server.stop();
    expect([isAlive(pid!), existsSync(folder!), await isPortFree(port)]).toEqual([false, false, true]);
    expect(server.pid).toBeUndefined();
    await server.stop();
  });

  test('with an append-only file comes back with its data after a restart and after kill -9', async () => {
    const server = await started(startRedis({ role: 'queue', appendOnly: true }));
    const client = redisClient(server);
    const { pid, port } = server;
    await client.set('a', '1');
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(server.port).toBe(port);
    expect(await client.get('a')).toBe('1');
    await client.set('b', '2');
    await server.kill();
    expect(server.pid).toBeUndefined();
    expect(await isPortFree(port)).toBe(true);
    await server.restart();
    expect(await client.mget('a', 'b')).toEqual(['1', '2']);
  });

  test('answers nothing while it is paused, and then everything', async () => {
    const server = await started(startRedis({ role: 'queue' }));
    const client = redisClient(server);
    await client.ping();
    await server.pause();
    await until(() => isFrozen(server.pid!), 'the server is frozen');
    let isAnswered = false;
    const reply = client.ping().then((text) => {
      isAnswered = true;
      return text;
    });
    await until(() => client.commandQueue.length === 1, 'the command is on its way');
    expect(isAnswered).toBe(false);
    await server.resume();
    expect(await reply).toBe('PONG');
  });

  test('can be stopped while it is paused', async () => {
    const server = await startRedis({ role: 'queue' });
    const { folder, pid } = server;
    await server.pause();
    await server.stop();
    expect([isAlive(pid!), existsSync(folder!)]).toEqual([false, false]);
  });

  test('moves to another port when the one it picked was taken', async () => {
    const taken = await occupy();
    undo.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const free = await freePort();
    const picks = [port, port, free];
    const server = await started(startRedis({ role: 'queue', pickPort: async () => picks.shift()! }));
    expect(server.port).toBe(free);
    expect(await redisClient(server).ping()).toBe('PONG');
  });

  test('gives up when every port is taken, says so and leaves nothing', async () => {
    const taken = await occupy();
    undo.push(() => taken.close());
    const { port } = taken.address() as AddressInfo;
    const error = await refusal(startRedis({ role: 'queue', pickPort: async () => port }));
    expect(error.code).toBe('E_SERVERS');
    expect(error.message).toMatch(/^Redis \(.+\) did not start$/);
    expect(error.hints.join('\n')).toMatch(/address already in use/i);
  });

  test('that nobody can get is refused with what to type', async () => {
    const error = await refusal(
      startRedisOn(
        { platform: 'linux', hasDocker: false, isRoot: false, hasSudo: false, packageManager: 'dnf' },
        { role: 'buffer', useEnvironment: true },
      ),
    );
    expect(error.code).toBe('E_SERVERS');
    expect(error.hints).toEqual([
      'sudo dnf install -y valkey',
      'or start Docker',
      'or set BUFFER_REDIS_URL to a Redis you have',
    ]);
  });

  test('a program that does not run is the end of it, with what it said', async () => {
    const machine = {
      platform: 'linux',
      hasDocker: true,
      isRoot: true,
      hasSudo: true,
      packageManager: 'apt-get',
    } as const;
    const redis = { file: process.execPath, argv0: 'redis-server' };
    const error = await refusal(startRedisOn({ ...machine, redis }, { role: 'cache' }));
    expect(error.message).toBe(`Redis (${process.execPath}) did not start`);
  });
});

describe('the environment', () => {
  const before = { ...process.env };
  afterEach(() => {
    for (const name of ['REDIS_URL', 'QUEUE_REDIS_URL', 'DATABASE_URL']) delete process.env[name];
    expect(process.env).toEqual(before);
  });

  test('is used only when that is asked for', async () => {
    process.env['REDIS_URL'] = 'redis://somewhere:7001';
    process.env['DATABASE_URL'] = 'postgres://somewhere/shop';
    expect((await started(startRedis({ role: 'queue' }))).url).toContain('127.0.0.1');
    expect((await started(startPostgres())).url).toContain('127.0.0.1');
  });

  test('gives each role its own URL, or the common one', async () => {
    process.env['REDIS_URL'] = 'redis://somewhere:7001';
    process.env['QUEUE_REDIS_URL'] = 'redis://elsewhere';
    const urlOf = async (role: RedisRole) => (await startRedis({ role, useEnvironment: true })).url;
    expect([await urlOf('cache'), await urlOf('queue'), await urlOf('buffer')]).toEqual([
      'redis://somewhere:7001',
      'redis://elsewhere',
      'redis://somewhere:7001',
    ]);
  });

  test('gives a server that can be used, and is not ours to stop or hurt', async () => {
    process.env['DATABASE_URL'] = 'postgres://me:secret@somewhere/shop';
    const server = await startPostgres({ useEnvironment: true });
    expect(server).toMatchObject({
      url: process.env['DATABASE_URL'],
      how: 'environment',
      port: 5432,
      pid: undefined,
    });
    await server.stop();
    for (const act of [server.restart, server.kill, server.pause, server.resume]) {
      expect((await refusal(act())).message).toBe(
        'the server of DATABASE_URL is not ours to stop, pause or restart',
      );
    }
  });
});

describe('Postgres', () => {
  test('is private, quick and lets no stranger in', async () => {
    const server = await started(startPostgres());
    expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await ask(server, 'show fsync')).toEqual([{ fsync: 'off' }]);
    expect(await ask(server, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    // Its data folder holds that too, so nothing of a killed server stays in /dev/shm.
    expect(await ask(server, 'show dynamic_shared_memory_type')).toEqual([
      { dynamic_shared_memory_type: 'mmap' },
    ]);
    const stranger = new URL(server.url);
    stranger.password = 'guessed';
    const client = new pg.Client({ connectionString: stranger.href });
    await expect(client.connect()).rejects.toThrow(/password authentication failed/);
  });

  test('can be as durable as in production, with settings of its own', async () => {
    const server = await started(startPostgres({ durable: true, settings: { max_connections: '17' } }));
    expect(await ask(server, 'show fsync')).toEqual([{ fsync: 'on' }]);
    expect(await ask(server, 'show full_page_writes')).toEqual([{ full_page_writes: 'on' }]);
    expect(await ask(server, 'show max_connections')).toEqual([{ max_connections: '17' }]);
  });

  test('keeps every committed row over a restart and over kill -9', async () => {
    const server = await started(startPostgres());
    await ask(server, 'create table kept as select 1 as n');
    const { port } = server;
    await server.restart();
    await ask(server, 'insert into kept values (2)');
    await server.kill();
    expect(await isPortFree(port)).toBe(true);
    await server.restart();
    expect(await ask(server, 'select array_agg(n order by n) as n from kept')).toEqual([{ n: [1, 2] }]);
  });

  test('freezes with all its connections', async () => {
    const server = await started(startPostgres());
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    undo.push(() => client.end());
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const backend = rows[0]!.pid;
    await server.pause();
    await until(() => [server.pid!, backend].every(isFrozen), 'server and connection are frozen');
    let isAnswered = false;
    const reply = client.query('select 1').then(() => (isAnswered = true));
    expect(isAnswered).toBe(false);
    await server.resume();
    expect(await reply).toBe(true);
  });

  test('leaves no process, folder, port or shared memory when it is stopped, even when it was killed', async () => {
    const server = await startPostgres();
    const folder = server.folder!;
    const all = [server.pid!, ...childrenOf(server.pid!)];
    expect(all.length).toBeGreaterThan(1);
    const segment = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8')
      .split('\n')[6]!
      .trim()
      .split(/\s+/)[1]!;
    expect(segments()).toContain(segment);
    await server.kill();
    await server.stop();
    expect([all.some(isAlive), existsSync(folder), await isPortFree(server.port)]).toEqual([
      false,
      false,
      true,
    ]);
    expect(segments()).not.toContain(segment);
  });

  test('moves to another port when the one it picked was taken', async () => {
    const taken = await occupy();
    undo.push(() => taken.close());
    const free = await freePort();
    const picks = [(taken.address() as AddressInfo).port, free];
    const server = await started(startPostgres({ pickPort: async () => picks.shift()! }));
    expect(server.port).toBe(free);
    expect(await ask(server, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('that nobody can get is refused with what to type', async () => {
    const error = await refusal(startPostgresFrom([() => undefined], { useEnvironment: true }));
    expect(error.code).toBe('E_SERVERS');
    expect(error.hints.join('\n')).toMatch(/postgresql|Postgres 14/);
    expect(error.hints.at(-1)).toBe('or set DATABASE_URL to a Postgres you have');
  });

  test('is taken from the next place when the first one has it and it does not run', async () => {
    const broken = () => () => ({ bin: '/nowhere', how: 'broken' });
    const error = await refusal(startPostgresFrom([broken]));
    expect(error.hints.join('\n')).toContain('/nowhere/initdb failed');
  });
});

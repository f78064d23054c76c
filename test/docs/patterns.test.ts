import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/files.ts';
import { bareEnvironment, database, redis } from '../support/index.ts';

/** The blocks of the page that say what they print, by the name of their file. */
const blocks = [
  ...readFileSync(join(packageRoot, 'docs/application.md'), 'utf8').matchAll(
    /```ts\n\/\/ ([\w-]+\.ts)\n([\s\S]*?)```/g,
  ),
].map(([, name, text]) => [name!, text!] as const);

const postgres = await database({ migrated: false });
await postgres.pool.query(
  "create table orders (id int, customer text, total int); insert into orders values (1, 'ann', 10)",
);
const cache = await redis('cache');
const queue = await redis('queue');

const server = createServer((_, response) => {
  response.writeHead(200, { 'cache-control': 'max-age=60' }).end('{ "usd": 1.1 }');
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

const folder = mkdtempSync(join(packageRoot, 'node_modules/.samovar-patterns-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(
  join(folder, 'database.ts'),
  "import pg from 'pg';\nexport const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true });\n",
);

/** As an application would have it, but for the package itself and for a host that does not exist. */
const runnable = (text: string): string =>
  text
    .replaceAll("'samovar'", `'${pathToFileURL(join(packageRoot, 'src/index.ts'))}'`)
    .replaceAll("'samovar/client'", `'${pathToFileURL(join(packageRoot, 'src/client.ts'))}'`)
    .replaceAll('https://rates.example.com', `http://${host}`)
    .replaceAll("hosts: ['rates.example.com'],", `hosts: ['${host}'], allowAddresses: ['127.0.0.1'],`);

test('there are blocks to run', () => {
  expect(blocks.map(([name]) => name)).toEqual([
    'read-through.ts',
    'cache-aside.ts',
    'stale.ts',
    'refresh-ahead.ts',
    'settled.ts',
    'memoize.ts',
    'query.ts',
    'http.ts',
  ]);
});

test.each(blocks)('%s prints what the page says', async (name, text) => {
  await cache.flush();
  writeFileSync(join(folder, name), runnable(text));
  const child = spawn(process.execPath, ['--import', 'tsx', join(folder, name)], {
    cwd: packageRoot,
    env: {
      ...bareEnvironment(),
      REDIS_URL: cache.url,
      QUEUE_REDIS_URL: queue.url,
      DATABASE_URL: postgres.url,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  let failed = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    printed += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    failed += piece;
  });
  const [code] = await once(child, 'close');
  expect([code, failed]).toEqual([0, '']);
  const told = [...text.matchAll(/console\.log\(.*\); \/\/ → (.*)$/gm)].map(([, line]) => line!);
  expect(told.length).toBeGreaterThan(0);
  expect(printed.split('\n').filter((line) => told.includes(line))).toEqual(told);
});

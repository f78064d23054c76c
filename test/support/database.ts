import pg from 'pg';
import { afterAll, inject } from 'vitest';
import { templateName } from './global.ts';

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
  /** The rows of a statement. */
  rows<Row extends object = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>;
}

let made = 0;

/** A fresh, migrated database (an empty one with `{ migrated: false }`), dropped when the test file has ended. */
export async function database({ migrated = true }: { migrated?: boolean } = {}): Promise<TestDatabase> {
  const adminUrl = inject('postgresUrl');
  const name = `test_${process.pid}_${++made}`;
  await admin(adminUrl, `create database ${name} template ${migrated ? templateName : 'template0'}`);
  const url = new URL(adminUrl);
  url.pathname = name;
  const pool = new pg.Pool({ connectionString: url.href, max: 10 });
  pool.on('error', () => {}); // a test that ends the server's connections means to
  afterAll(async () => {
    await pool.end();
    await admin(adminUrl, `drop database ${name} with (force)`);
  });
  return {
    name,
    url: url.href,
    pool,
    rows: async <Row extends object>(sql: string, values?: unknown[]) =>
      (await pool.query<Row>(sql, values)).rows,
  };
}

async function admin(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

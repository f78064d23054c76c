import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { createSchema } from '../../src/schema/postgres.ts';
import { startPostgres } from '../../src/servers/postgres.ts';
import { startRedis } from '../../src/servers/redis.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cacheUrl: string;
    queueUrl: string;
    postgresUrl: string;
  }
}

/** The database every `database()` is a copy of. */
export const templateName = 'samovar_template';

/** Once a run: a Redis for each role and a Postgres with the migrated template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await Promise.allSettled([
    startRedis({ role: 'cache' }),
    startRedis({ role: 'queue' }),
    // An odd time zone: SQL that leans on the session's own fails here, not at a user's.
    startPostgres({ settings: { timezone: 'Asia/Kolkata' } }),
  ]);
  const stopAll = async () => {
    await Promise.all(started.map((each) => (each.status === 'fulfilled' ? each.value.stop() : undefined)));
  };
  const [cache, queue, postgres] = started;
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    if (cache.status !== 'fulfilled' || queue.status !== 'fulfilled' || postgres.status !== 'fulfilled')
      return stopAll;
    await makeTemplate(postgres.value.url);
    project.provide('cacheUrl', cache.value.url);
    project.provide('queueUrl', queue.value.url);
    project.provide('postgresUrl', postgres.value.url);
    return stopAll;
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function makeTemplate(url: string): Promise<void> {
  await query(url, `create database ${templateName}`);
  const template = new URL(url);
  template.pathname = templateName;
  const pool = new pg.Pool({ connectionString: template.href, max: 1 });
  try {
    await createSchema(pool).migrate();
  } finally {
    await pool.end();
  }
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

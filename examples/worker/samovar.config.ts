import pg from 'pg';
import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, warm } from 'samovar/jobs';
import { announce } from './announce.ts';

const database = new pg.Pool({
  connectionString: process.env['DATABASE_URL'],
  allowExitOnIdle: true,
});

const newsroom = defineOrigin('newsroom', { budget: { perSecond: 100 } });

export const articles = defineCache('articles', {
  origin: newsroom,
  key: key.string,
  ttl: '30m',
  async load(slugs: string[]) {
    const { rows } = await database.query<{ slug: string; title: string; section: string }>(
      'select slug, title, section from article where slug = any($1)',
      [slugs],
    );
    return new Map(rows.map((row) => [row.slug, row]));
  },
});

export default defineConfig({
  caches: [articles],
  jobs: [...builtinJobs, announce],
  schedules: [schedule('*/10 * * * *', warm, { cache: 'articles', top: 500 })],
});

import { invalidate } from '../jobs/invalidate.ts';
import { systemClock } from '../src/clock.ts';
import { defineCache, defineOrigin } from '../src/define.ts';
import { key } from '../src/key.ts';
import { createSamovar } from '../src/samovar.ts';
import { atMost, type Bench } from './bench.ts';
import { openItems } from './frame/items.ts';
import { interleave, median, quantile } from './frame/stats.ts';

const table = (name: string): string => `
  create table ${name} (id bigint primary key, name text not null, category int not null, price numeric not null,
                        stock int not null, updated_at timestamptz not null default now());
  insert into ${name} select i, 'product ' || i || repeat('x', 40), i % 100, i, i from generate_series(1, $rows) i;
  create index on ${name} (category)`;

export const bench: Bench = {
  about:
    'changes of a table: from commit to gone, many rows in one statement, and what the triggers cost who writes',
  async run(context) {
    const rows = context.quick ? 20_000 : 100_000;
    const singles = context.quick ? 200 : 1_000;
    const [cache, queue, postgres] = await Promise.all([
      context.redis('cache', { maxMemory: '2gb' }),
      context.redis('queue'),
      context.postgres({ track_commit_timestamp: 'on', max_wal_size: '4GB' }),
    ]);
    const pool = await openItems(postgres.url, 2);
    for (const name of ['plain', 'watched'])
      for (const statement of table(name).replaceAll('$rows', String(rows)).split(';'))
        await pool.query(statement);
    const products = defineCache('products', {
      origin: defineOrigin('shop'),
      key: key.number,
      ttl: '1h',
      load: (ids: number[]) => new Map(ids.map((id) => [id, { id }])),
      invalidateOn: { table: 'watched', id: 'id' },
    });
    const samovar = await createSamovar({
      redis: cache.url,
      queueRedis: queue.url,
      postgres: postgres.url,
      caches: [products],
      jobs: [invalidate],
      access: { record: false },
      log: { level: 'warn' },
    });
    const lags: number[] = [];
    let heard = (): void => {};
    samovar.events.on('changes:applied', ({ lagsMs }) => {
      lags.push(...lagsMs);
      heard();
    });
    /** Resolves when nothing waits. */
    const empty = async (): Promise<void> => {
      for (;;) {
        const next = new Promise<void>((resolve) => {
          heard = resolve;
        });
        const { rows: left } = await pool.query('select 1 from samovar.change limit 1');
        if (left.length === 0) return;
        await next;
      }
    };
    const update = (name: string, where = '') =>
      pool.query(`update ${name} set price = price + 1, updated_at = now() ${where}`);
    try {
      await samovar.schema.migrate();
      const costs = await interleave(
        context.rounds + 2,
        Object.fromEntries(
          ['plain', 'watched'].map((name) => [
            name,
            async () => {
              await pool.query(`vacuum ${name}`);
              await pool.query('truncate samovar.change');
              await pool.query('checkpoint');
              const from = systemClock.elapsed();
              await update(name);
              return systemClock.elapsed() - from;
            },
          ]),
        ),
        { warmUp: true },
      );
      await pool.query('truncate samovar.change');
      const client = samovar.cache(products);
      const working = await samovar.work({ cron: false });
      const ids = Array.from({ length: rows }, (_, i) => i + 1);
      for (let from = 0; from < rows; from += 2_000) await client.getMany(ids.slice(from, from + 2_000));
      lags.length = 0;
      for (let id = 1; id <= singles; id++) {
        await update('watched', `where id = ${id}`);
        await empty();
      }
      const single = [...lags];
      await update('watched');
      const from = systemClock.elapsed();
      await empty();
      const allMs = systemClock.elapsed() - from;
      for (const id of [1, rows >> 1, rows])
        if (await client.has(id)) throw new Error('a value that was changed is still there');
      await working.stop();
      const [plain, watched] = [median(costs['plain']!), median(costs['watched']!)];
      const ratios = costs['watched']!.map((ms, i) => ms / costs['plain']![i]!);
      const ratio = median(ratios);
      const [p50, p99] = [median(single), quantile(single, 0.99)];
      return {
        name: 'invalidate',
        rows: [
          { what: 'one row: commit to gone, median', value: p50, unit: 'ms' },
          { what: 'one row: commit to gone, 99 of 100', value: p99, unit: 'ms' },
          { what: `${rows} rows in one statement: commit to gone`, value: allMs, unit: 'ms' },
          { what: `UPDATE of ${rows} rows, no triggers`, value: plain, unit: 'ms' },
          {
            what: `UPDATE of ${rows} rows, watched`,
            value: watched,
            unit: 'ms',
            ratio,
            against: 'no triggers',
          },
        ],
        targets: [
          atMost('commit to gone, 99 of 100, ms', p99, 50),
          atMost('100,000 rows in one statement gone, ms', (allMs * 100_000) / rows, 5_000),
          atMost('time of who writes, with triggers to without', ratio, 1.2),
        ],
      };
    } finally {
      await samovar.stop();
      await pool.end();
    }
  },
};

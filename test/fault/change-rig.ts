import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createOutbox } from '../../src/change/postgres.ts';
import { systemClock, type Timer } from '../../src/clock.ts';
import { createApply } from '../../src/compose/changes.ts';
import { openGround } from '../../src/compose/ground.ts';
import { silentLog } from '../../src/log.ts';
import { createSamovar } from '../../src/samovar.ts';
import { startPostgres } from '../../src/servers/postgres.ts';
import { startRedis } from '../../src/servers/redis.ts';
import { bareEnvironment, startProxy, until } from '../support/index.ts';
import { changing, type Orders } from './changing.ts';

/** What is done to a worker, or to the servers while it stands still before a step. */
export const faults = ['kill', 'freeze', 'redis', 'postgres', 'cut'] as const;
export type Fault = (typeof faults)[number];

export interface Ended {
  readonly signal: string | null;
  readonly code: number | null;
  /** Of a worker that came to its end. */
  readonly steps: number;
}

export interface ChangeRig {
  /** Changes rows, has a worker carry that out, and does it harm before its nth step. */
  round(fault: Fault, nth: number): Promise<Ended>;
  /** What is wrong when all is healed; none = nothing. */
  findings(): Promise<string[]>;
  close(): Promise<void>;
}

const ids = Array.from({ length: 60 }, (_, i) => i + 1);
const ownWorker = fileURLToPath(new URL('./change-worker.ts', import.meta.url));
const patience = { timeoutMs: 60_000, everyMs: 10 };

/** Servers of its own, an application that reads all the time, and workers to be hurt; `built` = where they are compiled. */
export async function openChangeRig(built?: string): Promise<ChangeRig> {
  const [cacheServer, queueServer, postgresServer] = await Promise.all([
    startRedis({ role: 'cache', appendOnly: true }),
    startRedis({ role: 'queue' }),
    startPostgres(),
  ]);
  const [toPostgres, toRedis] = [await startProxy(postgresServer.url), await startProxy(cacheServer.url)];
  const pool = new pg.Pool({ connectionString: postgresServer.url, max: 4 });
  pool.on('error', () => {}); // it is restarted on purpose
  /** Nothing that is asked here does harm when it is asked twice. */
  const sql = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
    until(
      () =>
        pool.query<Row>(text, values).then(
          ({ rows }) => rows,
          () => undefined,
        ),
      'Postgres answers',
      patience,
    );
  await sql('create table product (id int primary key, name text not null, category int not null)');
  const caches = changing(async (asked) => {
    const { rows } = await pool.query<{ id: number; name: string }>(
      'select id, name from product where id = any ($1)',
      [asked],
    );
    return new Map(rows.map(({ id, name }) => [id, name]));
  });
  const servers = {
    postgres: postgresServer.url,
    redis: cacheServer.url,
    queueRedis: queueServer.url,
    caches: [...caches],
  };
  const app = await createSamovar(servers, { log: silentLog });
  await app.schema.migrate();
  const ground = await openGround(servers, { log: silentLog, record: false });
  const outbox = createOutbox(pool);
  const apply = createApply(ground);
  const [products, others] = [app.cache(caches[0]), app.cache(caches[1])];
  await sql(`insert into product select i, 'first', i % 10 from generate_series(1, 60) i`);
  await others.getMany(ids);
  await until(
    async () => (await Promise.all(ids.map((id) => others.has(id)))).every(Boolean),
    'all are stored',
    patience,
  );

  let isOver = false;
  const reading = (async () => {
    for (let from = 0; !isOver; from = (from + 7) % 60)
      await products.getMany(ids.slice(from, from + 20)).catch(() => ground.clock.sleep(20));
  })();

  let rounds = 0;
  /** Two tens of rows, and one row that goes or comes; every tenth row is never touched. */
  const change = async (): Promise<void> => {
    rounds += 1;
    const some = [1 + (rounds % 9), 1 + ((rounds + 3) % 9)];
    await sql('update product set name = $1 where id % 10 = any ($2)', [`change ${rounds}`, some]);
    const one = 1 + (rounds % 59);
    if (one % 10 === 0) return;
    if (rounds % 3 === 0)
      await sql('insert into product values ($1, $2, $1 % 10) on conflict do nothing', [
        one,
        `new ${rounds}`,
      ]);
    else await sql('delete from product where id = $1', [one]);
  };

  /** What a worker had in hand that is gone is free a moment later. */
  const drainHere = () =>
    until(
      async () => {
        while ((await outbox.drain(apply)).rows > 0);
        return (await sql('select 1 from samovar.change limit 1')).length === 0;
      },
      'all is carried out',
      patience,
    );

  /** While the worker stands still. */
  const harm: Record<Exclude<Fault, 'kill'>, () => Promise<unknown>> = {
    // Beyond its patience: others carry out what it had in hand, and readers store anew, before it wakes up.
    async freeze() {
      await sql(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'change-worker'`,
      );
      await drainHere();
      await change();
      await products.getMany(ids);
    },
    redis: () => cacheServer.restart(),
    postgres: () => postgresServer.restart(),
    async cut() {
      toPostgres.cut();
      toRedis.cut();
    },
  };

  const work = async (fault: Fault, nth: number): Promise<Ended> => {
    const orders: Orders = {
      postgres: toPostgres.url,
      redis: toRedis.url,
      queueRedis: queueServer.url,
      nth,
      how: fault === 'kill' ? 'kill' : 'freeze',
    };
    const args =
      built === undefined
        ? ['--import', 'tsx', ownWorker]
        : [join(built, 'test', 'fault', 'change-worker.js')];
    const child = spawn(process.execPath, [...args, JSON.stringify(orders)], { env: bareEnvironment() });
    const closed = once(child, 'close') as Promise<[number | null, string | null]>;
    let told = '';
    let harmed: Promise<unknown> | undefined;
    let waking: Timer | undefined;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      told += piece;
      if (harmed !== undefined || fault === 'kill' || !told.includes('here')) return;
      // It says that it is there before it stops: harm that is quickly done may be done before that.
      harmed = harm[fault]().finally(() => {
        waking = systemClock.every(50, () => void child.kill('SIGCONT'));
      });
      harmed.catch(() => {}); // awaited when the worker has ended
    });
    child.stderr.resume();
    const [code, signal] = await closed;
    await harmed?.finally(() => waking?.stop());
    return { code, signal, steps: Number(told.trim().split('\n').at(-1)) };
  };

  return {
    async round(fault, nth) {
      await products.getMany(ids).catch(() => {}); // what cannot be read now is read in between
      await change();
      return work(fault, nth);
    },

    async findings() {
      await drainHere();
      await until(() => others.has(10), 'the application asks Redis again', patience);
      const found: string[] = [];
      const rows = await sql<{ id: number; name: string }>('select id, name from product');
      const now = new Map(rows.map(({ id, name }) => [id, name]));
      const told = await until(() => products.getMany(ids).catch(() => undefined), 'it is read', patience);
      for (const id of ids) {
        const [is, should] = [told.get(id), now.get(id)];
        if (is !== should) found.push(`product ${id} reads ${is}, and is ${should}`);
        if (!(await others.has(id))) found.push(`another cache lost ${id}`);
        if (id % 10 === 0 && should !== 'first') found.push(`product ${id} was never to change`);
      }
      for (const [id, name] of await others.getMany(ids))
        if (name !== 'first') found.push(`another cache has ${name} for ${id}`);
      return found;
    },

    async close() {
      isOver = true;
      await reading;
      await app.stop();
      await ground.close();
      await pool.end();
      await Promise.all([toPostgres.close(), toRedis.close()]);
      await Promise.all([cacheServer.stop(), queueServer.stop(), postgresServer.stop()]);
    },
  };
}

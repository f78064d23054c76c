import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { isSamovarError, SamovarError } from '../../src/errors.ts';
import { readMigrations } from '../../src/files.ts';
import { createLog } from '../../src/log.ts';
import { createSchema } from '../../src/schema/postgres.ts';
import { database, type TestDatabase } from '../support/index.ts';

const needs = readMigrations().at(-1)!.version;
const [first, second, broken] = [
  { version: 1, name: '0001_one', sql: 'create table samovar.one (a int)' },
  { version: 2, name: '0002_two', sql: 'create table samovar.two (a int)' },
  { version: 3, name: '0003_three', sql: 'create table samovar.three (a int); select 1 / 0' },
] as const;

const empty: TestDatabase[] = [];
while (empty.length < 9) empty.push(await database({ migrated: false }));
const takeEmpty = (): TestDatabase => empty.pop()!;

const refusal = async (work: Promise<unknown>): Promise<SamovarError> => {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isSamovarError(error)) return error;
  throw new Error('expected a SamovarError', { cause: error });
};
const tables = async (db: TestDatabase) =>
  (
    await db.rows(
      "select relname from pg_class where relnamespace = to_regnamespace('samovar') and relkind = 'r'",
    )
  )
    .map((row) => row['relname'])
    .sort();

describe('an empty database', () => {
  test('is told apart, migrated once, and then good', async () => {
    const db = takeEmpty();
    const schema = createSchema(db.pool);
    expect(await schema.status()).toMatchObject({ version: 0, needs, applied: [] });
    const error = await refusal(schema.check());
    expect(error.code).toBe('E_SCHEMA');
    expect(error.message).toContain(
      `schema "samovar" is at version 0, this build needs ${needs} (pending: 0001_first`,
    );
    expect(error.hints[0]).toBe('run: samovar migrate');

    expect((await schema.migrate()).applied.map(({ version }) => version)).toContain(needs);
    expect(await schema.status()).toMatchObject({ version: needs, pending: [] });
    await schema.check();
    expect(await schema.migrate()).toEqual({ applied: [] });
  });

  test('a dry run tells what it would do and does none of it', async () => {
    const db = takeEmpty();
    const schema = createSchema(db.pool, { migrations: [first, second] });
    expect((await schema.migrate({ dryRun: true })).applied.map(({ name }) => name)).toEqual([
      '0001_one',
      '0002_two',
    ]);
    expect(await db.rows("select 1 from pg_namespace where nspname = 'samovar'")).toEqual([]);
  });

  test('takes the script instead', async () => {
    const db = takeEmpty();
    await db.pool.query(await createSchema(db.pool).sql());
    await createSchema(db.pool).check();
    expect(await createSchema(db.pool).sql()).toBe('');
    const [row] = (await createSchema(db.pool).status()).applied;
    expect(row).toMatchObject({ isChanged: false });
  });
});

test('five processes at once: each migration is applied by one of them', async () => {
  const db = takeEmpty();
  const pools = Array.from({ length: 5 }, () => new pg.Pool({ connectionString: db.url, max: 1 }));
  const results = await Promise.all(
    pools.map((pool) => createSchema(pool, { migrations: [first, second] }).migrate()),
  );
  await Promise.all(pools.map((pool) => pool.end()));
  expect(results.flatMap(({ applied }) => applied.map(({ version }) => version)).sort()).toEqual([1, 2]);
  expect(await tables(db)).toEqual(['migration', 'one', 'two']);
});

test('a build that knows more adds only what is new', async () => {
  const db = takeEmpty();
  await createSchema(db.pool, { migrations: [first] }).migrate();
  const schema = createSchema(db.pool, { migrations: [first, second] });
  expect((await refusal(schema.check())).message).toContain(
    'is at version 1, this build needs 2 (pending: 0002_two)',
  );
  expect(await schema.pending()).toEqual([{ version: 2, name: '0002_two' }]);
  expect((await schema.migrate()).applied).toEqual([{ version: 2, name: '0002_two' }]);
});

test('a build that knows less refuses to touch anything', async () => {
  const db = takeEmpty();
  await createSchema(db.pool, { migrations: [first, second] }).migrate();
  const old = createSchema(db.pool, { migrations: [first] });
  for (const work of [old.check, old.migrate, () => old.migrate({ dryRun: true })]) {
    const error = await refusal(work());
    expect(error.code).toBe('E_SCHEMA');
    expect(error.message).toContain('is at version 2, newer than this build, which knows 1');
  }
});

test('of a migration that fails nothing stays, of those before it everything', async () => {
  const db = takeEmpty();
  const error = await refusal(createSchema(db.pool, { migrations: [first, second, broken] }).migrate());
  expect(error.message).toBe('migration 0003_three was not applied: division by zero');
  expect(await tables(db)).toEqual(['migration', 'one', 'two']);
  expect(await createSchema(db.pool, { migrations: [first, second] }).status()).toMatchObject({ version: 2 });
});

test('a migration that is not what it was when it was applied is told, once', async () => {
  const db = takeEmpty();
  await createSchema(db.pool, { migrations: [first] }).migrate();
  const lines: string[] = [];
  const log = createLog({ level: 'info', to: { write: (line) => void lines.push(line) } });
  const schema = createSchema(db.pool, { log, migrations: [{ ...first, sql: `${first.sql} -- edited` }] });
  expect((await schema.status()).applied).toMatchObject([{ version: 1, isChanged: true }]);
  await schema.migrate();
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('"migration":"0001_one"');
});

describe('a user who may not create', async () => {
  const role = `limited_${process.pid}`;
  const db = takeEmpty();
  await db.pool.query(`create role ${role}`);
  const pool = new pg.Pool({ connectionString: db.url, max: 1, options: `-c role=${role}` });
  afterAll(async () => {
    await pool.end();
    await db.pool.query(`drop owned by ${role}; drop role ${role}`);
  });

  test('is told so, with the grant and the other way', async () => {
    const error = await refusal(createSchema(pool).migrate());
    expect(error).toBeInstanceOf(SamovarError);
    expect(error.message).toContain('samovar.migration was not applied: permission denied for database');
    expect(error.hints[0]).toContain('grant create on database');
    expect(error.hints[1]).toContain('samovar migrate --sql');
  });

  test('may migrate a schema that an owner made for it', async () => {
    await db.pool.query(`create schema samovar authorization ${role}`);
    expect((await createSchema(pool).migrate()).applied.length).toBe(needs);
    await createSchema(pool).check();
  });
});

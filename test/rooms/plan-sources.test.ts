import { beforeEach, describe, expect, test } from 'vitest';
import { planRoom } from './plan-parts.ts';

const { db, plans, empty } = await planRoom();

beforeEach(empty);

describe('members of a tag', () => {
  const tag = async (cache: string, key: string, tags: string[], state?: { last: number; e168: number }) => {
    const [row] = await db.rows<{ id: number; cache_id: number }>(
      `with c as (
         insert into samovar.cache (name) select $1 where not exists (select from samovar.cache where name = $1) returning id
       )
       insert into samovar.cache_key (cache_id, key, seen_bucket)
       select id, $2, 1 from (select id from c union all select id from samovar.cache where name = $1) each
       returning id, cache_id`,
      [cache, key],
    );
    await db.rows('insert into samovar.key_tag select $1, unnest($2::text[]), $3', [
      row!.cache_id,
      tags,
      row!.id,
    ]);
    if (state)
      await db.rows('insert into samovar.key_state values ($1, $2, 1, $3, 1, 1, 1, 1, 1, $4, 1)', [
        row!.id,
        row!.cache_id,
        state.last,
        state.e168,
      ]);
  };

  test('are those of its cache, each once, the hottest first', async () => {
    await tag('products', 'never', ['new']);
    await tag('products', 'once hot', ['new', 'sale'], { last: 1_000, e168: 60 });
    await tag('products', 'now', ['sale'], { last: 1_336, e168: 20 });
    await tag('products', 'other', ['else'], { last: 1_336, e168: 500 });
    await tag('prices', 'foreign', ['sale'], { last: 1_336, e168: 500 });
    // Two half-lives have left 15 of the 60.
    expect(await plans.tagged('products', ['sale', 'new'], 10)).toEqual(['now', 'once hot', 'never']);
    expect(await plans.tagged('products', ['sale', 'new'], 2)).toEqual(['now', 'once hot']);
    expect(await plans.tagged('products', ['unheard-of'], 10)).toEqual([]);
    expect(await plans.tagged('unheard-of', ['sale'], 10)).toEqual([]);
  });
});

describe('a statement of the user', () => {
  test('gives its first column as Postgres writes it', async () => {
    const sql = `select * from (values (7::bigint, 'x'), (8, 'y'), (null, 'z')) v (id, name) where id is null or id >= $1`;
    expect(await plans.select(sql, [8], 10)).toEqual(['8']);
    expect(
      await plans.select(`select date '2026-01-05' union all select date '2026-01-06' order by 1`, [], 10),
    ).toEqual(['2026-01-05', '2026-01-06']);
    expect(await plans.select(`select '{"a": 1}'::jsonb`, [], 10)).toEqual(['{"a": 1}']);
  });

  test('may end in a semicolon or a comment, and begin with a CTE', async () => {
    expect(await plans.select('with a as (select 1) select * from a -- all of them', [], 10)).toEqual(['1']);
    expect(await plans.select('select 1;\n', [], 10)).toEqual(['1']);
  });

  test('is read no further than asked, in its own order', async () => {
    expect(await plans.select('select generate_series(1, 1000000000)', [], 3)).toEqual(['1', '2', '3']);
    expect(await plans.select('select g from generate_series(1, 9) g order by g desc', [], 2)).toEqual([
      '9',
      '8',
    ]);
  });

  test.each([
    ['writes', 'insert into samovar.cache (name) values (1)', 'syntax error'],
    ['writes in a function', `select nextval('samovar.forecast_id_seq')`, 'read-only'],
    ['is two', `select 1; drop table samovar.fold`, 'multiple commands'],
    ['is none', 'selct 1', 'syntax error'],
    ['names what is not there', 'select id from no_such_table', 'does not exist'],
    ['fails on the way', 'select 1 / 0', 'division by zero'],
  ])('that %s is refused by name', async (_, sql, why) => {
    const asked = plans.select(sql, [], 10);
    await expect(asked).rejects.toMatchObject({ code: 'E_CONFIG' });
    await expect(asked).rejects.toThrow(why);
    await expect(asked).rejects.toThrow(sql.slice(0, 20));
    expect(await plans.select('select 1', [], 10)).toEqual(['1']);
    expect(await db.rows('select one from samovar.fold')).toHaveLength(1);
  });
});

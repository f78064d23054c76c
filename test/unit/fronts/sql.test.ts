import { describe, expect, test } from 'vitest';
import { normalSql } from '../../../src/fronts/sql.ts';

describe('statements that differ in spaces and comments only are the same', () => {
  test.each([
    ['select  a\n\tfrom b', 'select a from b'],
    [' select a -- why\nfrom b;', 'select a from b'],
    ['select a--why\nfrom b ; ', 'select a from b'],
    ['select/* one /* in */ another */a', 'select a'],
    ['select a /* not closed', 'select a'],
    ['select $1 :: int -- last', 'select $1 :: int'],
  ])('%j', (sql, normal) => expect(normalSql(sql)).toBe(normal));
});

describe('what is quoted stays as it is', () => {
  test.each([
    "select 'a  b'",
    "select 'it''s  -- no comment'",
    "select '/* no comment */'",
    'select "a  ""b  c" from "-- t"',
    "select E'a\\'  b'",
    "select e'\\\\', 'x  y'",
    'select $$a  -- b$$',
    'select $tag$ $$  $tag$',
    "select 'a\n b'",
    "select 'a\\', 'b  c'",
  ])('%j', (sql) => expect(normalSql(`  ${sql}  `)).toBe(sql));

  test('and what stands between is not', () => {
    expect(normalSql("select  'a  b' ,  $$c  d$$  from  t")).toBe("select 'a  b' , $$c  d$$ from t");
    expect(normalSql("select type'x  y',  1")).toBe("select type'x  y', 1");
    expect(normalSql('select a$b$c  ,  d$b$')).toBe('select a$b$c , d$b$');
    expect(normalSql('select $1,  $2')).toBe('select $1, $2');
  });
});

test('statements that mean something else are not the same', () => {
  const all = [
    "select 'a'",
    "select 'A'",
    "select ' a'",
    'select a',
    'select "a"',
    'select "A"',
    'selecta',
    'SELECT a',
  ];
  expect(new Set(all.map(normalSql)).size).toBe(all.length);
});

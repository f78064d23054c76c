import type { Pool } from '../connect.ts';

const tables = `
create schema shop;
create table shop.category (id int primary key, name text not null);
create table shop.product (
  id int primary key, code text not null, name text not null, category_id int not null, price_cents int not null,
  about text not null);
create table shop.order_line (order_id int not null, product_id int not null, quantity int not null);
create table shop.review (product_id int not null, stars int not null, words text not null, written_at timestamptz not null);
`;
const indexes = `
create unique index on shop.product (code);
create index on shop.product (category_id);
create index on shop.order_line (product_id) include (order_id, quantity);
create index on shop.order_line (order_id) include (product_id);
create index on shop.review (product_id, written_at);
analyze shop.category, shop.product, shop.order_line, shop.review;
`;

/** Products of one category: what a place in its bestseller list is computed from. */
const categorySize = 60;
/** For each product, as long as that does not become too many. */
const linesEach = 11;
const mostLines = 360_000;
const linesPerOrder = 6;
const reviewsEach = 2.5;
const mostReviews = 80_000;

/** Fills an empty database with a shop whose products have these codes. The same codes give the same shop. */
export async function fillShop(
  pool: Pool,
  codes: readonly string[],
): Promise<{ orderLines: number; reviews: number }> {
  const categories = Math.ceil(codes.length / categorySize);
  const orderLines = Math.min(mostLines, codes.length * linesEach);
  const reviews = Math.min(mostReviews, Math.ceil(codes.length * reviewsEach));
  await pool.query(tables);
  await pool.query(
    `insert into shop.category select n, 'category ' || n from generate_series(1, $1::int) n`,
    [categories],
  );
  await pool.query(
    `insert into shop.product
     select n, code, 'product ' || n, 1 + (hashint8(n) & 2147483647) % $2::int, 100 + n * 37 % 20000,
            repeat(md5(code) || ' ', 20)
     from unnest($1::text[]) with ordinality as given (code, n)`,
    [codes, categories],
  );
  await pool.query(
    `insert into shop.order_line
     select n / $2::int, 1 + (hashint8(n) & 2147483647) % $3::int, 1 + (hashint8(-n) & 3)
     from generate_series(1::bigint, $1::bigint) n`,
    [orderLines, linesPerOrder, codes.length],
  );
  await pool.query(
    `insert into shop.review
     select 1 + (hashint8(n * 7919) & 2147483647) % $2::int, 1 + (hashint8(n * 104729) & 3), repeat(md5(n::text) || ' ', 4),
            timestamptz '2026-01-01' - n * interval '1 minute'
     from generate_series(1::bigint, $1::bigint) n`,
    [reviews, codes.length],
  );
  await pool.query(indexes);
  return { orderLines, reviews };
}

/** Everything a product page shows, as JSON text, for any number of products: joins, aggregates and a ranking. */
const page = {
  name: 'shop-product-page',
  text: `
select product.code, jsonb_build_object(
  'code', product.code, 'name', product.name, 'category', category.name, 'price_cents', product.price_cents,
  'about', product.about, 'stars', opinion.stars, 'reviews', opinion.count, 'newest', newest.reviews,
  'sold', sales.sold, 'bestseller', place.place, 'bought_with', company.products)::text as json
from shop.product
join shop.category on category.id = product.category_id
cross join lateral (
  select round(avg(stars), 1) as stars, count(*) from shop.review where product_id = product.id) opinion
cross join lateral (
  select jsonb_agg(jsonb_build_object('stars', stars, 'words', words)) as reviews
  from (select stars, words from shop.review where product_id = product.id order by written_at desc limit 3) last) newest
cross join lateral (
  select coalesce(sum(quantity), 0) as sold from shop.order_line where product_id = product.id) sales
cross join lateral (
  select 1 + count(*) as place from (
    select 1 from shop.product rival join shop.order_line on order_line.product_id = rival.id
    where rival.category_id = product.category_id group by rival.id having sum(order_line.quantity) > sales.sold) better) place
cross join lateral (
  select jsonb_agg(name) as products from (
    select other.name from shop.order_line mine
    join shop.order_line theirs on theirs.order_id = mine.order_id and theirs.product_id <> product.id
    join shop.product other on other.id = theirs.product_id
    where mine.product_id = product.id group by other.id order by count(*) desc, other.id limit 4) top) company
where product.code = any($1)`,
};

/** The pages of these products by code; those that do not exist are left out. */
export async function productPages(pool: Pool, codes: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ code: string; json: string }>({ ...page, values: [codes] });
  return new Map(rows.map(({ code, json }) => [code, json]));
}

import { openPostgres, type Pool } from '../../src/connect.ts';

/** Rows of about 1 KB, with the fields of a product in a catalogue. */
export async function fillItems(pool: Pool, rows: number): Promise<void> {
  await pool.query('create table item (id int primary key, doc jsonb not null)');
  await pool.query(
    `insert into item select n, jsonb_build_object(
       'id', n, 'sku', 'SKU-' || lpad(n::text, 8, '0'), 'name', 'Item number ' || n, 'brand', 'Brand ' || n % 97,
       'about', repeat(md5(n::text) || ' ', 8), 'price', jsonb_build_object('cents', 100 + n * 7 % 90000, 'currency', 'EUR', 'tax', 0.2),
       'stock', jsonb_build_object('north', n % 31, 'south', n % 17, 'east', n % 7, 'west', n % 3),
       'size', jsonb_build_object('width', n % 80, 'height', n % 50, 'depth', n % 40, 'grams', n % 5000),
       'attributes', jsonb_build_object('color', 'color ' || n % 12, 'material', 'material ' || n % 9, 'origin', 'country ' || n % 40,
         'warranty', n % 5, 'energy', 'A', 'assembled', n % 2 = 0),
       'tags', jsonb_build_array('tag-' || n % 50, 'tag-' || n % 60, 'tag-' || n % 70, 'tag-' || n % 80),
       'images', jsonb_build_array('/images/' || n || '/front.jpg', '/images/' || n || '/back.jpg', '/images/' || n || '/side.jpg'),
       'rating', jsonb_build_object('stars', 1 + n % 5, 'count', n % 900), 'related', jsonb_build_array(n + 1, n + 2, n + 3, n + 5, n + 8),
       'created', timestamptz '2026-01-01' + n * interval '1 second', 'changed', timestamptz '2026-02-01' + n * interval '1 second')
     from generate_series(1, $1::int) n`,
    [rows],
  );
  await pool.query('vacuum analyze item');
}

export const openItems = (url: string, max: number): Promise<Pool> =>
  openPostgres({ url, from: 'the bench', max });

/** Settings of a Postgres that serves reads: everything fits into memory. */
export const itemsSettings = { shared_buffers: '512MB', jit: 'off' } as const;

const asText = 'select id, doc::text as doc from item where id = any($1::int[])';
const asRows = 'select id, doc from item where id = any($1::int[])';

export interface ItemRow {
  readonly id: number;
  readonly doc: unknown;
}

/** Many items at once, their documents as text or parsed. */
export const loadItems = async (
  pool: Pool,
  ids: readonly number[],
  form: 'text' | 'rows',
): Promise<readonly ItemRow[]> => {
  const { rows } = await pool.query<ItemRow>({
    name: `items-${form}`,
    text: form === 'text' ? asText : asRows,
    values: [ids],
  });
  return rows;
};

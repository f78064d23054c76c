import { openPostgres, type Pool } from '../../src/connect.ts';

/** Rows of about 1 KB, as a catalogue has them. */
export async function fillItems(pool: Pool, rows: number): Promise<void> {
  await pool.query('create table item (id int primary key, doc jsonb not null)');
  await pool.query(
    `insert into item select n, jsonb_build_object('id', n, 'name', 'item ' || n, 'price', n % 1000, 'tags', '["a","b","c"]'::jsonb,
       'text', repeat(md5(n::text) || ' ', 28))
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

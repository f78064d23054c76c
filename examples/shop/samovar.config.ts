import { defineCache, defineConfig, defineOrigin, key, schedule } from 'samovar';
import { builtinJobs, warm } from 'samovar/jobs';
import { database } from './database.ts';

export interface Product {
  readonly id: number;
  readonly name: string;
  readonly category: string;
  readonly priceCents: number;
}

/** The shop's database: background work may load 250 products a second from it, in all processes together. */
const shop = defineOrigin('shop', { budget: { perSecond: 250, concurrency: 4 } });

export const products = defineCache('products', {
  origin: shop,
  key: key.number,
  ttl: '10m',
  tags: (_id, product: Product) => [`category:${product.category}`],
  async load(ids: number[]) {
    const { rows } = await database.query<Product>(
      'select id, name, category, price_cents as "priceCents" from product where id = any($1)',
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  },
  warm: { top: 1_000, horizon: '1h' },
});

export default defineConfig({
  caches: [products],
  jobs: [...builtinJobs],
  schedules: [schedule('*/15 * * * *', warm, { cache: 'products' })],
  import: { map: [{ cache: 'products', path: '/products/:id' }] },
});

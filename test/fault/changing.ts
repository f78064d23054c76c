import { defineCache, defineOrigin } from '../../src/define.ts';
import { key } from '../../src/key.ts';

/** What a worker is told to do to itself. */
export interface Orders {
  readonly postgres: string;
  readonly redis: string;
  readonly queueRedis: string;
  /** Before which step; 0 = never. */
  readonly nth: number;
  readonly how: 'kill' | 'freeze';
}

const origin = defineOrigin('shop');

/** The caches of this fault run: one by id, and one that nothing changes, whose keys look alike. */
export const changing = (load: (ids: number[]) => Promise<Map<number, string>>) =>
  [
    defineCache('products', {
      origin,
      key: key.number,
      ttl: '10m',
      load,
      invalidateOn: { table: 'product', id: 'id', tags: ['category:{category}'] },
    }),
    defineCache('others', { origin, key: key.number, ttl: '10m', load }),
  ] as const;

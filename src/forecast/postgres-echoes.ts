import type { PoolClient } from '../connect.ts';
import type { Echo } from '../rooms.ts';
import { echoWeeks, sourcesOf } from './echoes.ts';

const dayHours = 24;

/** Hours are in buckets until their day is rolled up, and in its array afterwards; never in both. */
const echoesSql = `
  with wanted as (
    select * from unnest($1::int[], $2::float8[], $3::int[]) w (bucket, weight, part)
  ), found as (
    select b.key_id, w.part, b.accesses * w.weight as accesses
      from wanted w join samovar.access_bucket b on b.bucket = w.bucket and b.key_id = any($4::int[])
    union all
    select d.key_id, w.part, d.hours[w.bucket % ${dayHours} + 1] * w.weight
      from wanted w join samovar.access_day d on d.day = w.bucket / ${dayHours} and d.key_id = any($4::int[])
  )
  select key_id, part, sum(accesses) as accesses from found where accesses > 0 group by key_id, part`;

interface Row {
  readonly key_id: number;
  readonly part: number;
  readonly accesses: number;
}

/** What was read of some keys in hours like `bucket`; `last` is the last hour with reads. */
export async function readEchoes(
  client: PoolClient,
  keyIds: readonly number[],
  { bucket, last }: { bucket: number; last: number },
): Promise<(keyId: number) => Echo> {
  const sources = sourcesOf(bucket, last);
  const { rows } = await client.query<Row>(echoesSql, [
    sources.map((source) => source.bucket),
    sources.map((source) => source.weight),
    sources.map((source) => source.part),
    `{${keyIds.join(',')}}`,
  ]);
  const parts = new Map<number, number[]>();
  for (const { key_id, part, accesses } of rows) {
    let own = parts.get(key_id);
    if (own === undefined) {
      own = new Array<number>(echoWeeks + 2).fill(0);
      parts.set(key_id, own);
    }
    own[part] = accesses;
  }
  return (keyId) => {
    const [last = 0, yesterday = 0, ...weeks] = parts.get(keyId) ?? silent;
    return { last, yesterday, weeks };
  };
}

const silent: readonly number[] = new Array<number>(echoWeeks + 2).fill(0);

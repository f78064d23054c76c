import type { PoolClient } from '../connect.ts';
import type { Echo } from '../rooms.ts';
import { echoWeeks, type MutableEcho, sourcesOf } from './echoes.ts';

const dayHours = 24;

/** Hours are in buckets until their day is rolled up, and in its array afterwards; never in both. */
const echoesSql = `
  with wanted as (
    select * from unnest($1::int[], $2::float8[], $3::int[]) w (bucket, weight, part)
  ), asked as materialized (
    select k from unnest($4::int[]) k order by k
  ), found as (
    select a.k as key_id, w.part, b.accesses * w.weight as accesses
      from wanted w
     -- The first key in order is a look-up by number: any one of them might be looked for by reading whole days through.
     cross join lateral (
       select from samovar.access_bucket b where b.bucket = w.bucket order by b.key_id limit 1) was_read
     cross join asked a
     -- A limit of one keeps it a look-up by number: as a join it would read whole days through.
     cross join lateral (select b.accesses from samovar.access_bucket b where b.bucket = w.bucket and b.key_id = a.k limit 1) b
    union all
    select d.key_id, w.part, d.hours[w.bucket % ${dayHours} + 1] * w.weight
      from wanted w join samovar.access_day d on d.day = w.bucket / ${dayHours} and d.key_id = any($4::int[])
  )
  select key_id, part, sum(accesses) as accesses from found where accesses > 0 group by key_id, part`;

/** What was read of some keys in hours like `bucket`; `last` is the last hour with reads. */
export async function readEchoes(
  client: PoolClient,
  keyIds: readonly number[],
  { bucket, last }: { bucket: number; last: number },
): Promise<(keyId: number) => Echo> {
  const sources = sourcesOf(bucket, last);
  const { rows } = await client.query<[keyId: number, part: number, accesses: number]>({
    text: echoesSql,
    values: [
      sources.map((source) => source.bucket),
      sources.map((source) => source.weight),
      sources.map((source) => source.part),
      `{${keyIds.join(',')}}`,
    ],
    rowMode: 'array',
  });
  const echoes = new Map<number, MutableEcho>();
  for (const [keyId, part, accesses] of rows) {
    let echo = echoes.get(keyId);
    if (echo === undefined) {
      echo = { last: 0, yesterday: 0, weeks: new Array<number>(echoWeeks).fill(0) };
      echoes.set(keyId, echo);
    }
    if (part === 0) echo.last = accesses;
    else if (part === 1) echo.yesterday = accesses;
    else echo.weeks[part - 2] = accesses;
  }
  return (keyId) => echoes.get(keyId) ?? silent;
}

const silent: Echo = { last: 0, yesterday: 0, weeks: new Array<number>(echoWeeks).fill(0) };

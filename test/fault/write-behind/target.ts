import type { Pool } from '../../../src/connect.ts';
import type { Dirty } from '../../../src/dirty/dirty.ts';
import type { Effect, End, State } from '../history/event.ts';
import { cache, isCounter, poison } from './options.ts';

/** A table that refuses some rows, and what writes down every effect on it, in the transaction that has it. */
export const targetSql = `
  create table item (key text primary key, value text not null check (value not like '"${poison}%'), ver bigint);
  create table effect (seq bigserial primary key, key text not null, ver bigint not null, value text);
  create function note_item() returns trigger language plpgsql as $$
  begin
    insert into effect (key, ver, value) values (new.key, new.ver, new.value);
    return null;
  end $$;
  create trigger note after insert or update on item for each row execute function note_item();
  create function note_deletion() returns trigger language plpgsql as $$
  begin
    insert into effect (key, ver, value) values (new.key, new.version, null);
    return null;
  end $$;
  create trigger note after insert or update on samovar.dirty_row
    for each row when (new.is_deleted) execute function note_deletion();
  create function fill_disk() returns trigger language plpgsql as $$
  begin
    raise exception 'could not extend file: no space left on device' using errcode = '53100';
  end $$;
  create trigger disk_is_full before insert or update on item execute function fill_disk();
  alter table item disable trigger disk_is_full;
`;

/** Who applications and flushers are to Postgres: as most are, not its superuser. */
export const crew = { user: 'crew', password: 'crew' };
export const crewSql = `
  create role ${crew.user} login password '${crew.password}';
  grant usage on schema samovar to ${crew.user};
  grant select, insert, update, delete on all tables in schema public, samovar to ${crew.user};
  grant usage on all sequences in schema public, samovar to ${crew.user};
`;

const textOf = (json: string | null): string | null => (json === null ? null : String(JSON.parse(json)));

/** How things are now. */
export async function readEnd(pool: Pool, dirty: Dirty): Promise<Omit<End, 'late'>> {
  const [items, deleted, effects] = await Promise.all([
    pool.query<{ key: string; ver: string; value: string }>('select key, ver, value from item'),
    pool.query<{ key: string; version: string }>(
      'select key, version from samovar.dirty_row where is_deleted',
    ),
    pool.query<{ key: string; ver: string; value: string | null }>(
      'select key, ver, value from effect order by seq',
    ),
  ]);
  const rows = new Map<string, State>();
  const counters = new Map<string, number>();
  for (const { key, version } of deleted.rows) rows.set(key, { version: Number(version), value: null });
  for (const { key, ver, value } of items.rows) {
    if (isCounter(key)) counters.set(key, Number(value));
    // Where both are, the row is the newer one.
    else rows.set(key, { version: Number(ver), value: textOf(value) });
  }
  const stateOf = ({
    version,
    form,
  }: {
    version: number;
    form: { body: string | Buffer } | undefined;
  }): State => ({
    version,
    value: form === undefined ? null : textOf(String(form.body)),
  });
  const letters = await dirty.letters(cache, { most: 1_000_000 });
  const claim = await dirty.claim(cache, {
    partitions: Array.from({ length: dirty.partitions }, (_, p) => p),
    most: 5_000,
    olderThanMs: 0,
  });
  const ledger = await dirty.ledger(cache);
  return {
    rows,
    counters,
    dead: new Map(letters.map((letter) => [letter.key, stateOf(letter)])),
    pending: new Map(claim.rows.map((row) => [row.key, stateOf(row)])),
    effects: effects.rows.map(
      ({ key, ver, value }): Effect => ({ key, version: Number(ver), value: textOf(value) }),
    ),
    ledger,
  };
}

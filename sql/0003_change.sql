-- What was changed and is still in the cache: an outbox, written in the transaction of the change, emptied by workers.
-- Rows are taken away, not passed by, so one that becomes visible late is not skipped.
create table samovar.change (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  caches text[] not null,
  -- How `ids` are written: 'key' as the cache's keys, 'id' as text that the key codec reads, 'json' as ids in JSON.
  form text not null default 'key' check (form in ('key', 'id', 'json')),
  ids text[] not null default '{}',
  tags text[] not null default '{}',
  -- Everything of the caches.
  is_all boolean not null default false,
  mode text not null default 'purge' check (mode in ('purge', 'expire')),
  rewarm boolean not null default false,
  n int not null generated always as (cardinality(ids) + cardinality(tags)) stored
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
-- Compressing them would cost the writer more than the bytes are worth for the moment that they are there.
alter table samovar.change alter column ids set storage external;

-- Where nobody takes rows away, they must not pile up: past the bound they become one row a cache that voids all of it.
create function samovar.change_bound() returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  rows_now bigint;
  n_now bigint;
begin
  select count(*), coalesce(sum(n), 0) into rows_now, n_now from samovar.change;
  if rows_now < 20000 and n_now < 1000000 then return; end if;
  with gone as (
    delete from samovar.change where id in (select id from samovar.change for update skip locked) returning caches, tags
  ), voided as (
    insert into samovar.change (caches, is_all) select array_agg(distinct c), true from gone, unnest(caches) c having count(*) > 0
  )
  insert into samovar.change (caches, tags) select '{}', array_agg(distinct t) from gone, unnest(tags) t having count(*) > 0;
exception when serialization_failure or deadlock_detected then
  -- A worker takes them away at this moment.
end $$;

-- Writes down what one statement changed, some thousands to a row, and rings. Too much for that is everything.
create function samovar.change_add(
  p_caches text[], p_form text, p_ids text[], p_tags text[],
  p_all boolean default false, p_mode text default 'purge', p_rewarm boolean default false
) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  piece constant int := 10000;
  most constant int := 200000;
  ids constant int := coalesce(cardinality(p_ids), 0);
  tags constant int := coalesce(cardinality(p_tags), 0);
  one bigint;
  isround boolean := false;
begin
  if p_all or (ids + tags > most and cardinality(p_caches) > 0) then
    insert into samovar.change (caches, is_all, mode, rewarm) values (p_caches, true, p_mode, p_rewarm) returning id into one;
    isround := one % 500 = 0;
  elsif ids + tags = 0 then
    return;
  else
    for i in 0 .. (greatest(ids, tags) - 1) / piece loop
      insert into samovar.change (caches, form, ids, tags, mode, rewarm)
      values (p_caches, p_form, coalesce(p_ids[i * piece + 1 : (i + 1) * piece], '{}'),
              coalesce(p_tags[i * piece + 1 : (i + 1) * piece], '{}'), p_mode, p_rewarm) returning id into one;
      isround := isround or one % 500 = 0;
    end loop;
  end if;
  if isround then perform samovar.change_bound(); end if;
  perform pg_notify('samovar_change', '');
end $$;

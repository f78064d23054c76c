-- Rows that a transaction folds stay locked until it ends, so one that is long or writes much folds only its own: the changes
-- of others must reach the workers meanwhile.
create or replace function samovar.change_bound() returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  rows_now bigint;
  n_now bigint;
  own_now bigint;
  is_long boolean;
begin
  select count(*), coalesce(sum(n), 0), count(*) filter (where xmin = pg_current_xact_id()::xid)
    into rows_now, n_now, own_now from samovar.change;
  if rows_now < 20000 and n_now < 1000000 then return; end if;
  is_long := own_now > 500 or clock_timestamp() - now() > interval '1 second';
  with gone as (
    delete from samovar.change
     where id in (select id from samovar.change where not is_long or xmin = pg_current_xact_id()::xid for update skip locked)
    returning caches, tags
  ), voided as (
    insert into samovar.change (caches, is_all) select array_agg(distinct c), true from gone, unnest(caches) c having count(*) > 0
  )
  insert into samovar.change (caches, tags) select '{}', array_agg(distinct t) from gone, unnest(tags) t having count(*) > 0;
exception when serialization_failure or deadlock_detected then
  -- A worker takes them away at this moment.
end $$;

-- Where migrations are written down: made under the migrations' lock when it is missing, before the first of them.
do $$
begin
  -- "if not exists" would ask for the right to create schemas even where an owner has made this one already.
  if to_regnamespace('samovar') is null then
    create schema samovar;
  end if;
end $$;

create table if not exists samovar.migration (
  version int primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);

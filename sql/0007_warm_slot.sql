-- When groups of keys are loaded before their daily rise, as it was last proposed: one row a slot, begun once for the whole fleet.
create table samovar.warm_slot (
  cache_id smallint not null references samovar.cache on delete cascade,
  warm_by timestamptz not null,
  at timestamptz not null,
  keys int not null,
  begun_at timestamptz,
  primary key (cache_id, warm_by, at)
);

create table samovar.warm_proposal (
  one boolean primary key default true check (one),
  made_at timestamptz not null
);

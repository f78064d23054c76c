-- Refreshes, some hundred keys at a time: which were written, and which of those have been read since. The number is the
-- plan that their entries carry; it is beyond any number that a plan comes to.
create table samovar.refresh (
  id int generated always as identity (start with 1500000001) primary key,
  cache_id smallint not null references samovar.cache on delete cascade,
  at timestamptz not null,
  -- When the last of its entries ends.
  expires_at timestamptz not null,
  written bit varying not null,
  used bit varying not null,
  closed boolean not null default false,
  entries int,
  unused int
);
create index refresh_open on samovar.refresh (expires_at) where not closed;
create index refresh_newest on samovar.refresh (at);

create table samovar.cache (
  id smallint generated always as identity primary key,
  name text not null unique,
  -- The last folded hour in which any of its keys was read.
  last_bucket int
);

-- The dictionary of keys: everything else speaks of a key by its number.
create table samovar.cache_key (
  id int generated always as identity primary key,
  cache_id smallint not null references samovar.cache,
  key text not null,
  cost_ms real,
  size_bytes int,
  seen_bucket int not null
);
-- By the hash of the text: a key may be longer than an index entry can be. Look up with both, the hash and the text.
create unique index cache_key_text on samovar.cache_key (cache_id, hashtextextended(key, 0));

create table samovar.key_tag (
  cache_id smallint not null,
  tag text not null,
  key_id int not null,
  primary key (cache_id, tag, key_id)
);
create index key_tag_key on samovar.key_tag (key_id);

-- Reads per key and hour. A bucket is an epoch hour; one partition a day, dropped when it has been rolled up.
create table samovar.access_bucket (
  bucket int not null,
  key_id int not null,
  accesses int not null,
  misses int not null default 0,
  primary key (bucket, key_id)
) partition by range (bucket);

-- What came for an hour that had been folded already; the next fold takes it.
create table samovar.access_late (
  bucket int not null,
  key_id int not null,
  accesses int not null
);

-- One day of a key: 24 counts, null for none. One partition a week.
create table samovar.access_day (
  day int not null,
  key_id int not null,
  hours int[] not null,
  primary key (day, key_id)
) partition by range (day);

create table samovar.access_caller (
  bucket int not null,
  cache_id smallint not null,
  caller text not null,
  accesses bigint not null,
  misses bigint not null,
  primary key (bucket, cache_id, caller)
);

-- Keys seen once: hashtextextended(key, 0) and the hour, until a second sighting lets them in. One partition a day.
create table samovar.access_door (
  day int not null,
  cache_id smallint not null,
  hash bigint not null,
  bucket int not null,
  misses int not null default 0,
  primary key (day, cache_id, hash)
) partition by range (day);

-- How far each access log has been carried over.
create table samovar.access_cursor (
  log text primary key,
  upto text not null,
  moved_at timestamptz not null default now()
);

-- What was imported, so that the same lines never count twice.
create table samovar.access_import (
  sha256 bytea primary key,
  bytes bigint not null,
  head bytea not null,
  lines bigint not null,
  accesses bigint not null,
  bad bigint not null,
  first_at timestamptz,
  last_at timestamptz,
  imported_at timestamptz not null default now()
);
create index access_import_head on samovar.access_import (head);

-- One row a key, folded once per closed hour; rates decay lazily from last_bucket. e<h>: sum of accesses * 2^(-age/h).
-- hours: e72 by hour of day (UTC), kept while it is large enough to tell one hour from another.
create table samovar.key_state (
  key_id int primary key,
  cache_id smallint not null,
  first_bucket int not null,
  last_bucket int not null,
  e1 real not null,
  e3 real not null,
  e6 real not null,
  e24 real not null,
  e72 real not null,
  e168 real not null,
  accesses bigint not null,
  hours real[]
) with (fillfactor = 70);
create index key_state_cache on samovar.key_state (cache_id);

-- The last hour folded into key_state.
create table samovar.fold (
  one boolean primary key default true check (one),
  upto int
);
insert into samovar.fold default values;

-- How well each expert would have foreseen the hours so far: of a plan half as large as the hour, the share that was read.
create table samovar.expert (
  cache_id smallint not null references samovar.cache on delete cascade,
  name text not null,
  score double precision not null,
  hours int not null,
  upto int not null,
  primary key (cache_id, name)
);

create table samovar.forecast (
  id int generated always as identity primary key,
  cache_id smallint not null references samovar.cache,
  at timestamptz not null,
  horizon_ms bigint not null,
  scorer text not null,
  keys text[] not null,
  heats real[] not null,
  costs real[] not null,
  sizes int[] not null,
  term_names text[] not null,
  terms real[] not null
);
create index forecast_newest on samovar.forecast (cache_id, at desc);

create table samovar.plan (
  id int generated always as identity primary key,
  cache_id smallint not null references samovar.cache,
  at timestamptz not null,
  horizon_ms bigint not null,
  ttl_ms bigint not null,
  trigger text not null,
  state text not null check (state in ('planned','queued','running','paused','cancelling','done','partial','failed','cancelled')),
  why text,
  rows int not null,
  wished int not null,
  fresh int not null,
  skipped int not null,
  saving_ms double precision not null,
  started_at timestamptz,
  ended_at timestamptz,
  deadline_at timestamptz,
  beat_at timestamptz,
  expires_at timestamptz,
  closed boolean not null default false,
  unused int
);
create unique index plan_one_live on samovar.plan (cache_id) where state in ('queued','running','paused','cancelling');
create index plan_newest on samovar.plan (cache_id, at desc);

-- Up to 500 rows of a plan side by side: a row per key would cost more than warming it. results: one letter a row.
create table samovar.plan_chunk (
  plan_id int not null references samovar.plan on delete cascade,
  chunk int not null,
  first_row int not null,
  keys text[] not null,
  sources text[] not null,
  reasons text[] not null,
  heats real[] not null,
  costs real[] not null,
  sizes int[] not null,
  savings real[] not null,
  results text not null,
  -- How many rows have each result, in the order of the view below: somebody may look at a run many times a second.
  counts int[] not null generated always as (array[
    length(results) - length(replace(results, 'p', '')),
    length(results) - length(replace(results, 'w', '')),
    length(results) - length(replace(results, 'f', '')),
    length(results) - length(replace(results, 'u', '')),
    length(results) - length(replace(results, 'm', '')),
    length(results) - length(replace(results, 'x', '')),
    length(results) - length(replace(results, 'b', '')),
    length(results) - length(replace(results, 'l', ''))
  ]) stored,
  used bit varying not null,
  state text not null default 'planned' check (state in ('planned','claimed','settled')),
  worker text,
  claimed_until timestamptz,
  bytes bigint not null default 0,
  load_ms double precision not null default 0,
  error text,
  primary key (plan_id, chunk)
);
create index plan_chunk_open on samovar.plan_chunk (plan_id, chunk) where state <> 'settled';

-- One row a key, for people and reports.
create view samovar.plan_row as
select c.plan_id, c.first_row + u.i - 1 as row, u.key, c.sources[u.i] as source, c.reasons[u.i] as reason,
       c.heats[u.i] as heat, c.costs[u.i] as cost_ms, c.sizes[u.i] as bytes, c.savings[u.i] as saving_ms,
       case substr(c.results, u.i::int, 1)
         when 'p' then 'planned' when 'w' then 'written' when 'f' then 'fresh' when 'u' then 'busy'
         when 'm' then 'missing' when 'x' then 'failed' when 'b' then 'budget' when 'l' then 'lost' end as result,
       substr(c.used::text, u.i::int, 1) = '1' as used
  from samovar.plan_chunk c cross join unnest(c.keys) with ordinality as u (key, i);

create table samovar.job_run (
  id bigint generated always as identity primary key,
  job text not null,
  job_id text not null,
  worker text not null,
  attempt int not null,
  schedule text,
  slot timestamptz,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text,
  result jsonb,
  error text
);
create index job_run_newest on samovar.job_run (started_at desc);
create index job_run_schedule on samovar.job_run (schedule, slot);

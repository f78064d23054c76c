-- score: how it did lately; long: how it did over weeks; both from the hour `since` on. learned: what an expert that learns has learned.
alter table samovar.expert add column long double precision, add column since int, add column learned double precision[];
update samovar.expert
   set since = upto - hours + 1,
       long = score / (1 - 0.5 ^ (hours / 48.0::float8)) * (1 - 0.5 ^ (hours / 336.0::float8));
alter table samovar.expert alter column long set not null, alter column since set not null;

-- Who made a cache's forecasts from an hour on, and by how much its score was above the best other's.
create table samovar.expert_choice (
  cache_id smallint not null references samovar.cache on delete cascade,
  bucket int not null,
  name text not null,
  margin double precision not null,
  primary key (cache_id, bucket)
);
alter table samovar.forecast add column confidence real;

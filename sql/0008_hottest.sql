-- The hottest keys of a cache by its states as they are, hottest first: whoever asks for them next need not read all states again.
create table samovar.hottest (
  cache_id smallint primary key references samovar.cache on delete cascade,
  -- The last hour with reads, of which their heat is.
  bucket int not null,
  key_ids int[] not null
);

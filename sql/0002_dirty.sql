-- Who may carry dirty writes of a partition over: its epoch grows with every grant, and a statement of an older one
-- writes nothing. `high` is the highest version that came; none is given below it again.
create table samovar.dirty_partition (
  cache text not null,
  p int not null,
  epoch bigint not null,
  high bigint not null default 0,
  holder text not null,
  granted_at timestamptz not null default now(),
  primary key (cache, p)
) with (fillfactor = 50);

-- What rows cannot say of themselves: the versions of deleted rows, and of all rows of tables without a column for it.
create table samovar.dirty_row (
  target text not null,
  key text not null,
  version bigint not null,
  is_deleted boolean not null,
  at timestamptz not null default now(),
  primary key (target, key)
);
create index dirty_row_deleted on samovar.dirty_row (at) where is_deleted;

-- With how many partitions the buffer of a prefix was made.
create table samovar.dirty_buffer (
  prefix text primary key,
  partitions int not null,
  made_at timestamptz not null default now()
);

-- A plan beside what came. written: keys loaded; read: those of them that were read in the plan's hours; used: warmed entries that were
-- read before they expired; foreseeable: what perfect foresight would have had read of as many keys. Kept longer than the plan itself.
create table samovar.scorecard (
  plan_id int primary key,
  cache_id smallint not null references samovar.cache on delete cascade,
  at timestamptz not null,
  planned int not null,
  written int not null,
  read int not null,
  used int not null,
  foreseeable int not null,
  confidence real
);
create index scorecard_newest on samovar.scorecard (cache_id, plan_id desc);
alter table samovar.plan add column scored boolean not null default false, add column confidence real;
create index plan_unscored on samovar.plan (id) where not scored;

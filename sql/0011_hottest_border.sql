-- No key that is not listed is hotter than this as of `bucket`; 0 = all are listed. Lists without one are made anew by the next fold.
delete from samovar.hottest;
alter table samovar.hottest add column border double precision not null;

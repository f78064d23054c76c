-- The cache of the key, so that an hour can be counted by cache without looking its keys up; null in rows that an older build wrote.
alter table samovar.access_bucket add column cache_id smallint;

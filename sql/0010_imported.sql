-- Reads that an import told of: whether they were hits nobody knows.
alter table samovar.access_caller add column imported bigint not null default 0;

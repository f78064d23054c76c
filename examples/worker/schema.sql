create table article (
  slug text primary key,
  title text not null,
  section text not null
);
insert into article
select 'article-' || n, 'Article ' || n, 'section-' || n % 5 from generate_series(1, 200) n;

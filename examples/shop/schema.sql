create table product (
  id int primary key,
  name text not null,
  category text not null,
  price_cents int not null
);
insert into product
select n, 'product ' || n, 'category ' || n % 10, 100 + n from generate_series(1, 500) n;

create table products (
  id text primary key,
  place integer not null,
  name text not null,
  cents integer not null,
  stock integer not null
);
insert into products (place, id, name, cents, stock) values
  (1, 'teapot', 'Teapot', 3900, 12),
  (2, 'mug', 'Mug', 1250, 31),
  (3, 'tea', 'Green tea', 890, 4),
  (4, 'honey', 'Honey', 640, 18),
  (5, 'spoon', 'Spoon', 420, 0),
  (6, 'lamp', 'Lamp', 5400, 2);

-- Who makes images for models; no row: nobody. Its key is in a file of its own.
create table image_service (
    id integer primary key check (id = 1),
    kind text not null check (kind in ('openai', 'a1111')),
    address text not null,
    -- Empty where the server has only one.
    model text not null default '',
    -- Length of a square's side, in pixels.
    side integer not null
) strict;

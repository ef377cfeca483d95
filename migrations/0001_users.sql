-- People. Every row a person makes names its owner, so that a server on the LAN needs no new tables.
create table user (
    id integer primary key,
    -- What the person is called; shown to others.
    name text not null check (length(name) between 1 and 80),
    -- Milliseconds since 1970, UTC; so are all `_ms` columns.
    created_ms integer not null
) strict;

-- The person who sits at this machine: whoever reaches the server over loopback.
insert into user (id, name, created_ms) values (1, 'local', 0);

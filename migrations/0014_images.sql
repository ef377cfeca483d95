-- Images that people showed, as they came. One that is in no message goes after a while.
create table image (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    -- Of the bytes: the same image is kept once for each person.
    hash text not null,
    media_type text not null check (media_type like 'image/%'),
    bytes blob not null,
    created_ms integer not null,
    unique (user_id, hash)
) strict;

create table message_image (
    message_id integer not null references message (id) on delete cascade,
    -- In the order in which they are shown, from 0.
    position integer not null,
    image_id integer not null references image (id),
    primary key (message_id, position)
) strict, without rowid;

create index message_image_by_image on message_image (image_id);

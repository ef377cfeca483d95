-- The tools that an answer called, in the order in which it did, from 0.
create table message_call (
    message_id integer not null references message (id) on delete cascade,
    number integer not null,
    -- Calls of one round were made together; what they gave was told before the next round.
    round integer not null,
    -- Bytes of the answer's text, and of what the model thought, that came before.
    text_before integer not null,
    thought_before integer not null,
    call_id text not null,
    name text not null,
    arguments text not null,
    -- The MCP server that the tool is from; null is this product.
    server text,
    -- What the model was told, and the person in one line; null until it ended.
    result text,
    shown text,
    failed integer not null default 0,
    duration_ms integer,
    -- How many bytes there were, where not all of them were told.
    cut_from integer,
    -- What the answer calls the first of the sources; the others follow.
    first_source integer,
    primary key (message_id, number)
) strict;

-- What a result relies on.
create table message_call_source (
    message_id integer not null,
    number integer not null,
    position integer not null,
    title text not null,
    url text not null,
    primary key (message_id, number, position),
    foreign key (message_id, number) references message_call (message_id, number) on delete cascade
) strict, without rowid;

-- What a result shows.
create table message_call_image (
    message_id integer not null,
    number integer not null,
    position integer not null,
    image_id integer not null references image (id),
    primary key (message_id, number, position),
    foreign key (message_id, number) references message_call (message_id, number) on delete cascade
) strict, without rowid;

create index message_call_image_by_image on message_call_image (image_id);

-- The tools that a session's answers may call, once that was chosen for it.
alter table session add column has_own_tools integer not null default 0;

create table session_tool (
    session_id integer not null references session (id) on delete cascade,
    tool text not null,
    primary key (session_id, tool)
) strict, without rowid;

-- Which collections a chat looks into.
create table session_collection (
    session_id integer not null references session (id) on delete cascade,
    collection_id integer not null references collection (id) on delete cascade,
    primary key (session_id, collection_id)
) strict, without rowid;

create index session_collection_by_collection on session_collection (collection_id);

-- The passages that an answer was given to read, as they were then: what is cited can be checked, whatever becomes of the
-- document.
create table message_source (
    message_id integer not null references message (id) on delete cascade,
    -- What the answer calls it, from 1.
    number integer not null,
    document_id integer references document (id) on delete set null,
    document_name text not null,
    position integer not null,
    last_position integer not null,
    page integer,
    heading text not null,
    body text not null,
    -- How well words and meaning fitted, and the places that gave; null where they did not count.
    words real,
    words_rank integer,
    meaning real,
    meaning_rank integer,
    primary key (message_id, number)
) strict, without rowid;

create index message_source_by_document on message_source (document_id);

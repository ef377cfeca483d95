-- Documents that go whole with a message.
create table message_document (
    message_id integer not null references message (id) on delete cascade,
    -- What answers call it, from 1: no document before it in its branch has that number.
    number integer not null check (number > 0),
    -- None once the document is gone.
    document_id integer references document (id) on delete set null,
    -- What it was called then.
    name text not null,
    primary key (message_id, number)
) strict, without rowid;

create index message_document_by_document on message_document (document_id);

-- Documents that will go with the next message of a chat, in the order of their ids.
create table draft_document (
    id integer primary key,
    session_id integer not null references session (id) on delete cascade,
    document_id integer not null references document (id) on delete cascade,
    unique (session_id, document_id)
) strict;

create index draft_document_by_document on draft_document (document_id);

-- Whether an answer was given the whole document; then `body` is empty, as the text is the document's.
alter table message_source add column is_whole integer not null default 0 check (is_whole in (0, 1));

-- Documents that people collect, cut into passages that can be found. The files themselves are in the folder `documents`.
create table collection (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    name text not null check (length(name) between 1 and 80),
    created_ms integer not null,
    -- Set by deleting, cleared by undo; the row goes when undo is over.
    deleted_ms integer
) strict;

create unique index collection_by_name on collection (user_id, name) where deleted_ms is null;

create table document (
    id integer primary key autoincrement,
    collection_id integer not null references collection (id) on delete cascade,
    name text not null check (length(name) between 1 and 200),
    -- Of the bytes, and the file's name in the folder: the same file is in a collection once.
    hash text not null,
    n_bytes integer not null,
    -- What the bytes are; null until they were looked at.
    kind text,
    state text not null default 'waiting' check (state in ('waiting', 'indexing', 'ready', 'failed', 'stopped')),
    -- One sentence for a person, when the state is 'failed'.
    error text,
    -- One sentence on what was left out.
    note text,
    n_pages integer,
    -- Which way of reading made the passages; null while they are not complete.
    reader integer,
    n_passages integer not null default 0,
    -- Which model made the vectors, and how many there are.
    embedder text,
    n_vectors integer not null default 0,
    created_ms integer not null,
    deleted_ms integer
) strict;

create unique index document_by_hash on document (collection_id, hash) where deleted_ms is null;
create index document_under_way on document (state, id) where state in ('waiting', 'indexing');

-- A document's text, one piece after the other: together they are all of it.
create table passage (
    id integer primary key autoincrement,
    document_id integer not null references document (id) on delete cascade,
    -- From 0.
    position integer not null,
    page integer,
    -- Of the whole text, in characters.
    first_char integer not null,
    last_char integer not null,
    kind text not null check (kind in ('text', 'table', 'code')),
    -- The headings above it.
    heading text not null,
    -- The first row of the table that it is a part of.
    header text not null,
    body text not null,
    -- Where searching looks for it: `c` and the number of its collection; `d` and that number while its document is deleted.
    scope text not null,
    unique (document_id, position)
) strict;

create table passage_vector (
    passage_id integer primary key references passage (id) on delete cascade,
    model text not null,
    -- Numbers of four bytes, little-endian; the vector is one long.
    vector blob not null
) strict;

create virtual table passage_text using fts5 (
    scope, heading, header, body, content = 'passage', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
-- Where it is counts for nothing, and what stands above it for less than what it says.
insert into passage_text (passage_text, rank) values ('rank', 'bm25(0.0, 0.6, 0.6, 1.0)');

create trigger passage_text_insert after insert on passage begin
    insert into passage_text (rowid, scope, heading, header, body)
    values (new.id, new.scope, new.heading, new.header, new.body);
end;

create trigger passage_text_delete after delete on passage begin
    insert into passage_text (passage_text, rowid, scope, heading, header, body)
    values ('delete', old.id, old.scope, old.heading, old.header, old.body);
end;

create trigger passage_text_move after update of scope on passage begin
    insert into passage_text (passage_text, rowid, scope, heading, header, body)
    values ('delete', old.id, old.scope, old.heading, old.header, old.body);
    insert into passage_text (rowid, scope, heading, header, body)
    values (new.id, new.scope, new.heading, new.header, new.body);
end;

-- Which kinds of jobs there are is the program's to know: a kind more needs no table made anew.
create table job_new (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    kind text not null,
    subject text not null,
    state text not null check (state in ('running', 'done', 'failed', 'cancelled', 'interrupted')),
    error text,
    started_ms integer not null,
    ended_ms integer
) strict;
insert into job_new (id, user_id, kind, subject, state, error, started_ms, ended_ms)
select id, user_id, kind, subject, state, error, started_ms, ended_ms from job;
drop table job;
alter table job_new rename to job;
create index job_by_user on job (user_id, id desc);

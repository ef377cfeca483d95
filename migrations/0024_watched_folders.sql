-- The folders of this machine that collections follow, one each.
create table watched_folder (
    collection_id integer primary key references collection (id) on delete cascade,
    path text not null,
    -- When it was looked through last; null until it was.
    looked_ms integer,
    -- One sentence for a person, where it could not be looked through, or not all of it.
    problem text
) strict;

-- The files of them that are documents, as they were when they were read.
create table watched_file (
    collection_id integer not null references watched_folder (collection_id) on delete cascade,
    -- Within the folder, with slashes.
    path text not null,
    n_bytes integer not null,
    -- Since 1970, in nanoseconds.
    modified_ns integer not null,
    -- Of the bytes; the document of the collection that has it is this file's.
    hash text not null,
    primary key (collection_id, path)
) strict, without rowid;

create index watched_file_by_hash on watched_file (collection_id, hash);

-- Whether a document is there because of a file in a folder that the collection follows: it goes when no file has it any more.
alter table document add column is_followed integer not null default 0 check (is_followed in (0, 1));

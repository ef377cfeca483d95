-- Folders with models beside our own: of other programs, and those that an administrator added. One that is off was
-- switched off, or was offered and is not wanted.
create table model_folder (
    id integer primary key autoincrement,
    label text not null unique collate nocase check (length(label) between 1 and 80),
    path text not null unique,
    is_on integer not null default 1 check (is_on in (0, 1))
) strict;

-- What files said about themselves when they were read last, so that they are read again only when they have changed.
create table model_header (
    path text primary key,
    size_bytes integer not null,
    modified_ns integer not null,
    inode integer not null,
    content text not null
) strict, without rowid;

-- The digest of files that were compared with others of the same size.
create table model_digest (
    path text primary key,
    size_bytes integer not null,
    modified_ns integer not null,
    inode integer not null,
    sha256 text not null check (length(sha256) = 64)
) strict, without rowid;

-- What people wrote about a model, for everybody.
create table model_note (
    model text primary key,
    note text not null check (length(note) <= 2000)
) strict, without rowid;

create table model_tag (
    model text not null,
    tag text not null collate nocase check (length(tag) between 1 and 40),
    primary key (model, tag)
) strict, without rowid;

-- Models that were deleted and can be put back.
create table model_trash (
    id integer primary key autoincrement,
    name text not null,
    size_bytes integer not null,
    deleted_ms integer not null
) strict;

-- Where their files lay, and where they lie now.
create table model_trash_file (
    trash_id integer not null references model_trash (id) on delete cascade,
    place text not null,
    trash text not null unique
) strict;

create index model_trash_file_by_trash on model_trash_file (trash_id);

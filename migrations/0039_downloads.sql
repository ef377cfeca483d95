-- Downloads of models: what was asked for, and how far it is. Bytes that arrived are in files beside the ones that they will be.
create table model_download (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    repo text not null,
    -- The commit, so that all files are of one state.
    revision text not null,
    -- What was chosen of the repository.
    name text not null,
    -- The place of the model among those of our folder.
    model text not null,
    state text not null default 'waiting' check (state in ('waiting', 'paused', 'failed', 'done')),
    error text,
    -- Those with smaller numbers come first.
    position integer not null,
    created_ms integer not null,
    unique (repo, name)
) strict;

create index model_download_waiting on model_download (position) where state = 'waiting';

create table model_download_file (
    download_id integer not null references model_download (id) on delete cascade,
    -- In the repository, and below our folder.
    path text not null,
    target text not null,
    size_bytes integer not null,
    sha256 text,
    primary key (download_id, path)
) strict, without rowid;

-- How downloads are made, for everybody. One row.
create table download_limits (
    id integer primary key check (id = 1),
    bytes_per_second integer,
    n_parallel integer not null check (n_parallel between 1 and 8)
) strict;

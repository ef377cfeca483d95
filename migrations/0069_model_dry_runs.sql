-- What loading models would allocate, by dry runs, as text; only as long as the files stay as they were.
create table model_dry_run (
    path text primary key,
    size_bytes integer not null,
    modified_ns integer not null,
    inode integer not null,
    content text not null
) strict, without rowid;

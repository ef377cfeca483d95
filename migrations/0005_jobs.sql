-- Background work, for the jobs tray and for what was going on when the server ended.
create table job (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    kind text not null check (kind in ('load_model', 'download_model', 'quantize_model')),
    subject text not null,
    state text not null check (state in ('running', 'done', 'failed', 'cancelled', 'interrupted')),
    error text,
    started_ms integer not null,
    ended_ms integer
) strict;

create index job_by_user on job (user_id, id desc);

-- A kind of job more: models are measured. SQLite cannot change a check, so the table is made anew.
create table job_new (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    kind text not null check (kind in ('load_model', 'download_model', 'quantize_model', 'measure_model')),
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

-- Where people file their sessions. `position` is the order in which folders are shown, from 0.
create table folder (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    name text not null check (length(name) between 1 and 60),
    position integer not null,
    unique (user_id, name)
) strict;

alter table session add column folder_id integer references folder (id) on delete set null;
-- Put away: in no list but that of the archive, and still found there.
alter table session add column archived integer not null default 0 check (archived in (0, 1));
-- What models are told first in this session; null takes what the person set for all.
alter table session add column system_prompt text;
-- How answers are sampled in this session, apart from what the person set for all: an object of numbers.
alter table session add column sampling text check (sampling is null or json_valid(sampling));
-- The session and the turn that this one was forked from, as long as they are there.
alter table session add column origin_id integer references session (id) on delete set null;
alter table session add column origin_message_id integer references message (id) on delete set null;

create index session_by_folder on session (folder_id) where folder_id is not null;
create index session_by_origin on session (origin_id) where origin_id is not null;
create index session_by_origin_message on session (origin_message_id) where origin_message_id is not null;

-- How many tokens of an answer's prompt had been computed before; none where nobody counted.
alter table message add column n_cached_tokens integer;

create table session_tag (
    session_id integer not null references session (id) on delete cascade,
    tag text not null check (length(tag) between 1 and 40),
    primary key (session_id, tag)
) strict, without rowid;

create index session_tag_by_tag on session_tag (tag);

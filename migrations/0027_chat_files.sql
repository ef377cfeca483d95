-- The files of a chat: a collection that belongs to it, is in no list, and goes with it.
alter table collection add column session_id integer references session (id) on delete cascade;

create index collection_by_session on collection (session_id) where session_id is not null;

-- Nobody chose their names.
drop index collection_by_name;
create unique index collection_by_name on collection (user_id, name) where deleted_ms is null and session_id is null;

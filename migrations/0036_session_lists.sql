-- The lists of sessions in the order in which they are shown, so that ten thousand are neither sorted nor counted one by one.
create index session_listed on session (user_id, pinned desc, updated_ms desc, id desc)
where deleted_ms is null and leaf_id is not null and archived = 0;

create index session_filed on session (user_id, archived, updated_ms desc, id desc)
where deleted_ms is null and leaf_id is not null;

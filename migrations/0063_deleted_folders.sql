-- Folders that were deleted a while ago, and what was in them: for a day, deleting is undone. A folder of the same name may be made
-- meanwhile.
create table deleted_folder (
    id integer primary key,
    user_id integer not null references user (id) on delete cascade,
    name text not null,
    position integer not null,
    system_prompt text,
    deleted_ms integer not null
) strict;

create table deleted_folder_session (
    folder_id integer not null references deleted_folder (id) on delete cascade,
    session_id integer not null references session (id) on delete cascade,
    primary key (folder_id, session_id)
) strict, without rowid;
create index deleted_folder_session_by_session on deleted_folder_session (session_id);

-- Chat sessions.
create table session (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    -- Empty until the first message names it.
    title text not null default '' check (length(title) <= 120),
    -- 1 once a person chose the title; rules never change it after that.
    title_is_custom integer not null default 0 check (title_is_custom in (0, 1)),
    pinned integer not null default 0 check (pinned in (0, 1)),
    -- The last message of the branch that is shown; none while the session is empty.
    leaf_id integer references message (id) on delete set null,
    created_ms integer not null,
    updated_ms integer not null,
    -- Set by deleting, cleared by undo; the row goes when undo is over.
    deleted_ms integer
) strict;

create index session_by_user on session (user_id, pinned desc, updated_ms desc) where deleted_ms is null;

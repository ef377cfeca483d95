-- Files with sessions that are being taken over. A file is in the folder `imports` until its row has ended.
create table import (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    -- What the person calls the file, and what it is called in the folder.
    name text not null check (length(name) <= 200),
    file text not null,
    state text not null default 'waiting' check (state in ('waiting', 'done', 'failed', 'cancelled')),
    -- Why it failed, as a word that the page has a sentence for.
    problem text,
    -- Entries of the file that need not be looked at again: counted together with the session that each of them becomes.
    n_entries integer not null default 0,
    n_taken integer not null default 0,
    -- Entries that are no session, and turns and images that were left out.
    n_skipped integer not null default 0,
    n_left_out integer not null default 0,
    created_ms integer not null
) strict;

create index import_waiting on import (id) where state = 'waiting';
create index import_by_user on import (user_id, id desc);

-- Comparisons: one prompt, answered by several models or in several ways.
create table compare_run (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    prompt text not null,
    -- What stood before it.
    system_prompt text not null,
    -- 1 if who answered is told after the vote only.
    is_blind integer not null check (is_blind in (0, 1)),
    -- 1 if a person wanted them one after the other.
    in_turn integer not null check (in_turn in (0, 1)),
    -- None until a person chose; -1 if none is better; else the answer's position.
    vote integer check (vote between -1 and 3),
    created_ms integer not null,
    -- Set by deleting, cleared by undo; the row goes when undo is over.
    deleted_ms integer
) strict;

create index compare_run_by_user on compare_run (user_id, id desc) where deleted_ms is null;

create table compare_slot (
    run_id integer not null references compare_run (id) on delete cascade,
    -- In the order in which they are shown, from 0.
    position integer not null check (position between 0 and 3),
    model text not null,
    temperature real not null,
    top_k integer not null,
    top_p real not null,
    min_p real not null,
    repeat_penalty real not null,
    max_tokens integer,
    seed integer,
    body text not null default '',
    reasoning text not null default '',
    state text not null check (state in ('running', 'complete', 'cut', 'stopped', 'failed', 'refused')),
    -- One sentence for a person, or the guard that stopped it.
    error text,
    -- 1 if it waited as not all models fitted into memory together.
    had_no_room integer not null default 0 check (had_no_room in (0, 1)),
    n_prompt_tokens integer,
    n_cached_tokens integer,
    n_generated_tokens integer,
    first_token_ms integer,
    decode_ms integer,
    primary key (run_id, position)
) strict, without rowid;

create index compare_slot_running on compare_slot (state) where state = 'running';

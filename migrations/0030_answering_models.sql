-- The model that answered last in a chat, and how it is loaded; as in `launch_profile`.
create table session_model (
    session_id integer primary key references session (id) on delete cascade,
    model text not null,
    n_ctx integer,
    kv_type text,
    draft text
) strict;

-- How keys and values were kept while an answer was written; null where nobody knows.
alter table message add column kv text;

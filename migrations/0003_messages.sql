-- One turn a row. `parent_id` makes a session a tree: edits and regenerations are siblings.
create table message (
    id integer primary key autoincrement,
    session_id integer not null references session (id) on delete cascade,
    parent_id integer references message (id) on delete cascade,
    role text not null check (role in ('system', 'user', 'assistant')),
    body text not null,
    state text not null check (state in ('running', 'complete', 'cut', 'stopped', 'failed', 'refused')),
    -- One sentence for a person, when the state is 'failed' or 'refused'.
    error text,
    -- Name of the model that answered.
    model text,
    -- What the answer cost; all four or none.
    n_prompt_tokens integer,
    n_generated_tokens integer,
    first_token_ms integer,
    decode_ms integer,
    created_ms integer not null
) strict;

create index message_by_session on message (session_id, id);
create index message_by_parent on message (parent_id);
create index message_running on message (state) where state = 'running';

-- Full-text search over what was said. Answers enter it when they end, not with every token.
create virtual table message_text using fts5 (body, content = 'message', content_rowid = 'id', tokenize = 'unicode61');

create trigger message_text_insert after insert on message when new.state <> 'running' begin
    insert into message_text (rowid, body) values (new.id, new.body);
end;

create trigger message_text_end after update of state on message
when old.state = 'running' and new.state <> 'running' begin
    insert into message_text (rowid, body) values (new.id, new.body);
end;

create trigger message_text_delete after delete on message when old.state <> 'running' begin
    insert into message_text (message_text, rowid, body) values ('delete', old.id, old.body);
end;

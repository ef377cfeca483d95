-- Prompts of the library. A text with its variables is a version; the newest one is the current one.
create table prompt (
    id integer primary key autoincrement,
    user_id integer not null references user (id) on delete cascade,
    -- What is typed behind `/`, in small letters.
    name text not null check (length(name) between 1 and 40),
    about text not null default '',
    -- Empty for none.
    folder text not null default '',
    created_ms integer not null,
    updated_ms integer not null,
    -- Set by deleting, cleared by undo; the row goes when undo is over.
    deleted_ms integer
) strict;

create unique index prompt_by_name on prompt (user_id, name) where deleted_ms is null;

create table prompt_tag (
    prompt_id integer not null references prompt (id) on delete cascade,
    -- In the order in which they are shown, from 0.
    position integer not null,
    tag text not null,
    primary key (prompt_id, position)
) strict, without rowid;

create table prompt_version (
    id integer primary key autoincrement,
    prompt_id integer not null references prompt (id) on delete cascade,
    body text not null,
    created_ms integer not null
) strict;

create index prompt_version_by_prompt on prompt_version (prompt_id, id);

create table prompt_variable (
    version_id integer not null references prompt_version (id) on delete cascade,
    position integer not null,
    name text not null,
    kind text not null check (kind in ('text', 'multiline', 'number', 'choice')),
    default_value text not null default '',
    primary key (version_id, position)
) strict, without rowid;

create table prompt_choice (
    version_id integer not null references prompt_version (id) on delete cascade,
    -- Of the variable.
    variable integer not null,
    position integer not null,
    choice text not null,
    primary key (version_id, variable, position)
) strict, without rowid;

-- Who has been given the prompts to begin with: once, so that deleting them is for good.
create table prompt_starter (
    user_id integer primary key references user (id) on delete cascade,
    given_ms integer not null
) strict;

-- Full-text search; the store writes a prompt's row anew with the prompt.
create virtual table prompt_text using fts5 (name, about, folder, tags, body, tokenize = 'unicode61');

create trigger prompt_text_delete after delete on prompt begin
    delete from prompt_text where rowid = old.id;
end;

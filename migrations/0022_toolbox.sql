-- Who searches the web, for everybody: nobody, or one service. Keys are in a file of their own, here and below.
create table search_service (
    id integer primary key check (id = 1),
    kind text not null check (kind in ('searxng', 'brave', 'duckduckgo')),
    address text check ((kind = 'searxng') = (address is not null))
) strict;

-- Servers of tools, for everybody: each is a program of this machine or an address.
create table mcp_server (
    name text primary key check (length(name) between 1 and 24),
    enabled integer not null check (enabled in (0, 1)),
    program text,
    url text check ((url is null) = (program is not null)),
    -- 1 if the address wants a key.
    has_key integer not null check (has_key = 0 or (has_key = 1 and url is not null))
) strict, without rowid;

create table mcp_argument (
    server text not null references mcp_server (name) on delete cascade,
    -- In the order in which the program gets them, from 0.
    position integer not null,
    argument text not null,
    primary key (server, position)
) strict, without rowid;

create table mcp_environment (
    server text not null references mcp_server (name) on delete cascade,
    position integer not null,
    name text not null,
    primary key (server, position)
) strict, without rowid;

-- What a person has chosen for a tool, as the tool was then.
create table tool_permission (
    user_id integer not null references user (id) on delete cascade,
    -- The name that models call it by.
    tool text not null check (length(tool) between 1 and 64),
    -- Of the tool's name, origin, description and schema.
    fingerprint text not null,
    -- Where the tool comes from, if it is no tool of this product: with its server goes what was chosen for it.
    server text references mcp_server (name) on delete cascade,
    permission text not null check (permission in ('always', 'ask', 'never')),
    primary key (user_id, tool)
) strict, without rowid;

-- The tools that a person's new chats begin with.
create table tool_default (
    user_id integer not null references user (id) on delete cascade,
    tool text not null check (length(tool) between 1 and 64),
    server text references mcp_server (name) on delete cascade,
    primary key (user_id, tool)
) strict, without rowid;

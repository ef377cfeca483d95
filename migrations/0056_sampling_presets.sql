-- Samplers that a person keeps under a name, to take them in any chat.
create table sampling_preset (
    user_id integer not null references user (id) on delete cascade,
    name text not null collate nocase check (length(name) between 1 and 60),
    -- Names and values, as sessions have them.
    sampling text not null,
    primary key (user_id, name)
) strict, without rowid;

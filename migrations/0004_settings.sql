-- What a person set, as one JSON object; unknown fields are ignored, missing ones take their defaults.
create table settings (
    user_id integer primary key references user (id) on delete cascade,
    body text not null check (json_valid(body)),
    updated_ms integer not null
) strict;

-- What a model was given for an answer, as it read it then.
create table message_prompt (
    message_id integer primary key references message (id) on delete cascade,
    -- A prompt as the page shows it: JSON, deflated.
    body blob not null,
    made_ms integer not null
) strict;

create index message_prompt_made on message_prompt (made_ms);

-- How fast answers of a model were measured to come on this machine with another one that guesses, and without any guess, in
-- tokens per second.
create table draft_measure (
    model text not null,
    draft text not null,
    guessed real not null,
    alone real not null,
    measured_ms integer not null,
    primary key (model, draft)
) strict;

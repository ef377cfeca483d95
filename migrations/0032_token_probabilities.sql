-- Whether answers keep how likely each of their tokens was.
alter table session add column keeps_probabilities integer not null default 0 check (keeps_probabilities in (0, 1));

-- A token of an answer, what it was sampled with, and what else was likely.
create table token_probability (
    message_id integer not null references message (id) on delete cascade,
    position integer not null,
    -- Bytes: a character can be cut into several tokens.
    token blob not null,
    -- Natural logarithm of the probability.
    logprob real not null,
    -- Pairs of a text and a logarithm, as JSON; the most likely first.
    others text not null,
    primary key (message_id, position)
) strict, without rowid;

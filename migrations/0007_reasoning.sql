-- What the model thought before it answered, and for how long; none where it did not. Searching does not look there.
alter table message add column reasoning text;
alter table message add column reasoning_ms integer;

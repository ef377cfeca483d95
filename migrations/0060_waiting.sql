-- How long an answer waited for others before it was begun, in milliseconds; the time to its first token has it within.
alter table message add column queued_ms integer;

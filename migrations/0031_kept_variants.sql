-- What was let go when one variant of a turn was kept: all of a branch at the same time. The rows go when undo is over.
alter table message add column hidden_ms integer;

create index message_hidden on message (hidden_ms) where hidden_ms is not null;

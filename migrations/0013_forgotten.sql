-- How many tokens the model had forgotten when an answer ended; none where nobody counted.
alter table message add column n_forgotten_tokens integer;

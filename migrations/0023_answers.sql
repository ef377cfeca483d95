-- What is done when a conversation does not fit the model; null stops and says so.
alter table session add column history text check (history in ('trim', 'summarise'));

-- A JSON schema that answers fit; null is none.
alter table session add column answer_schema text;
-- How many of the oldest messages an answer was not given, and the summary that stood for them.
alter table message add column n_left_out integer not null default 0;
alter table message add column summary text;
-- A revised answer came of a critique of the one before it.
alter table message add column is_revised integer not null default 0;

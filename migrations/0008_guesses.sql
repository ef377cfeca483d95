-- How many tokens of an answer were guessed, how many guesses came true, the steps it took, and who guessed most of them;
-- none where nobody counted.
alter table message add column n_drafted_tokens integer;
alter table message add column n_accepted_tokens integer;
alter table message add column n_steps integer;
alter table message add column guesser text;

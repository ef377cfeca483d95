-- Images of the conversation that an answer's model did not see, and whether a person put the answer in these words.
alter table message add column n_unseen_images integer not null default 0;
alter table message add column is_corrected integer not null default 0 check (is_corrected in (0, 1));

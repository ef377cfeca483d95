-- Which of the passages that were joined was found itself: a citation opens there. Null where it is the first.
alter table message_source add column best_position integer;

-- How well a passage answers, as a model said that ranks, and the place that gave; null where none did.
alter table message_source add column ranking real;
alter table message_source add column ranking_rank integer;

-- Compared answers have every sampler, a system prompt and an effort of their own, and tell all that answers of chats tell.
alter table compare_slot add column system_prompt text;
alter table compare_slot add column effort text;
-- Names and values of the samplers that were not as the program has them, as sessions have them.
alter table compare_slot add column sampling text not null default '{}';
alter table compare_slot add column n_drafted_tokens integer;
alter table compare_slot add column n_accepted_tokens integer;
alter table compare_slot add column n_steps integer;
alter table compare_slot add column guesser text;
alter table compare_slot add column n_forgotten_tokens integer;
alter table compare_slot add column kv text;

-- They were kept with half the precision that they are read with: rounded, 0.7 is 0.7 again. What is null is left out.
update compare_slot set sampling = json_patch('{}', json_object(
    'temperature', nullif(round(temperature, 6), 0.7),
    'top_k', nullif(cast(top_k as real), 40.0),
    'top_p', nullif(round(top_p, 6), 0.95),
    'min_p', nullif(round(min_p, 6), 0.05),
    'repeat_penalty', nullif(round(repeat_penalty, 6), 1.1),
    'max_tokens', cast(max_tokens as real),
    'seed', cast(seed as real)
));

alter table compare_slot drop column temperature;
alter table compare_slot drop column top_k;
alter table compare_slot drop column top_p;
alter table compare_slot drop column min_p;
alter table compare_slot drop column repeat_penalty;
alter table compare_slot drop column max_tokens;
alter table compare_slot drop column seed;

-- How much the model thinks before it answers in this session; null leaves it to the model.
alter table session add column effort text check (effort in ('none', 'minimal', 'low', 'medium', 'high'));

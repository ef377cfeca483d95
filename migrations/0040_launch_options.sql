-- The rest of how a model is loaded (threads, batch, layers of a graphics card, adapters, template), as JSON; null where
-- nothing of it is chosen.
alter table launch_profile add column options text;
alter table session_model add column options text;

-- Hubs tell no digest of small files, but git's name for what is in them.
alter table model_download_file add column git_id text;

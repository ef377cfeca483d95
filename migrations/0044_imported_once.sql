-- What a session said in the file that it is from, as a digest: the same file, or a later one of the same place, does not bring
-- it a second time. Empty for sessions that are from no file.
alter table session add column imported_as blob check (imported_as is null or length(imported_as) = 32);
create index session_imported on session (user_id, imported_as) where imported_as is not null and deleted_ms is null;

-- Entries whose session is here already.
alter table import add column n_known integer not null default 0;

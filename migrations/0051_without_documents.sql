-- An answer that was to be given passages of documents, which could not be searched.
alter table message add column without_documents integer not null default 0;

-- What was told of the machine while an answer was written: `heat`, or `memory` and the bytes that were available; null where nothing was.
alter table message add column warning text;

-- Why a call failed, where that is one of the usual ways: a page says it in the person's language.
alter table message_call add column failure text;

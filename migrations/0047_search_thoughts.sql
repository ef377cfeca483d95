-- What models thought is found by its words, too.
drop trigger message_text_insert;
drop trigger message_text_end;
drop trigger message_text_delete;
drop trigger message_text_reopen;
drop table message_text;

create virtual table message_text using fts5 (
    body, reasoning, content = 'message', content_rowid = 'id', tokenize = 'unicode61'
);

insert into message_text (rowid, body, reasoning) select id, body, reasoning from message where state <> 'running';

create trigger message_text_insert after insert on message when new.state <> 'running' begin
    insert into message_text (rowid, body, reasoning) values (new.id, new.body, new.reasoning);
end;

create trigger message_text_end after update of state on message
when old.state = 'running' and new.state <> 'running' begin
    insert into message_text (rowid, body, reasoning) values (new.id, new.body, new.reasoning);
end;

create trigger message_text_reopen after update of state on message
when old.state <> 'running' and new.state = 'running' begin
    insert into message_text (message_text, rowid, body, reasoning) values ('delete', old.id, old.body, old.reasoning);
end;

create trigger message_text_delete after delete on message when old.state <> 'running' begin
    insert into message_text (message_text, rowid, body, reasoning) values ('delete', old.id, old.body, old.reasoning);
end;

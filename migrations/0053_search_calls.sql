-- What tools were asked and what they gave is found by its words, too.
create virtual table call_text using fts5 (
    arguments, result, content = 'message_call', content_rowid = 'rowid', tokenize = 'unicode61'
);

insert into call_text (rowid, arguments, result) select rowid, arguments, result from message_call;

create trigger call_text_insert after insert on message_call begin
    insert into call_text (rowid, arguments, result) values (new.rowid, new.arguments, new.result);
end;

create trigger call_text_change after update of arguments, result on message_call begin
    insert into call_text (call_text, rowid, arguments, result) values ('delete', old.rowid, old.arguments, old.result);
    insert into call_text (rowid, arguments, result) values (new.rowid, new.arguments, new.result);
end;

create trigger call_text_delete after delete on message_call begin
    insert into call_text (call_text, rowid, arguments, result) values ('delete', old.rowid, old.arguments, old.result);
end;

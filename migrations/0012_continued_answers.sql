-- An answer that has ended may go on. Until it ends again, searching does not look there.
create trigger message_text_reopen after update of state on message
when old.state <> 'running' and new.state = 'running' begin
    insert into message_text (message_text, rowid, body) values ('delete', old.id, old.body);
end;

-- Chinese, Japanese, Thai and other scripts are written without spaces, so a word of theirs is no word of `message_text` and
-- `call_text`. What has such letters is indexed by every three letters in a row, too. Two line ends are added, so that three
-- letters begin with each of a text. Nothing else is in this index: other texts cost nothing.
create virtual table message_gram using fts5 (text, content = '', columnsize = 0, tokenize = 'trigram');
create virtual table message_gram_place using fts5vocab (message_gram, 'instance');
create virtual table call_gram using fts5 (text, content = '', columnsize = 0, tokenize = 'trigram');
create virtual table call_gram_place using fts5vocab (call_gram, 'instance');

-- What is indexed of each: those with such letters, and the text.
create view unspaced_message as
select id, state, body || char(10, 10) || coalesce(reasoning, '') || char(10, 10) as text from message
where body || coalesce(reasoning, '')
    glob '*[฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿]*';
create view unspaced_call as
select rowid as id, arguments || char(10, 10) || coalesce(result, '') || char(10, 10) as text from message_call
where arguments || coalesce(result, '')
    glob '*[฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿]*';

insert into message_gram (rowid, text) select id, text from unspaced_message where state <> 'running';
insert into call_gram (rowid, text) select id, text from unspaced_call;

create trigger message_gram_insert after insert on message when new.state <> 'running' begin
    insert into message_gram (rowid, text) select id, text from unspaced_message where id = new.id;
end;

create trigger message_gram_end after update of state on message
when old.state = 'running' and new.state <> 'running' begin
    insert into message_gram (rowid, text) select id, text from unspaced_message where id = new.id;
end;

-- Before, as what was indexed has to be told again.
create trigger message_gram_reopen before update of state on message
when old.state <> 'running' and new.state = 'running' begin
    insert into message_gram (message_gram, rowid, text)
    select 'delete', id, text from unspaced_message where id = old.id;
end;

create trigger message_gram_delete before delete on message when old.state <> 'running' begin
    insert into message_gram (message_gram, rowid, text)
    select 'delete', id, text from unspaced_message where id = old.id;
end;

create trigger call_gram_insert after insert on message_call begin
    insert into call_gram (rowid, text) select id, text from unspaced_call where id = new.rowid;
end;

create trigger call_gram_forget before update of arguments, result on message_call begin
    insert into call_gram (call_gram, rowid, text) select 'delete', id, text from unspaced_call where id = old.rowid;
end;

create trigger call_gram_change after update of arguments, result on message_call begin
    insert into call_gram (rowid, text) select id, text from unspaced_call where id = new.rowid;
end;

create trigger call_gram_delete before delete on message_call begin
    insert into call_gram (call_gram, rowid, text) select 'delete', id, text from unspaced_call where id = old.rowid;
end;

-- Passages of documents are ranked by how much of a question they have, for which two letters in a row are as good as a word. The store
-- writes them with a passage that has any.
create virtual table passage_gram using fts5 (
    scope, text, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'"
);
insert into passage_gram (passage_gram, rank) values ('rank', 'bm25(0.0, 1.0)');

insert into passage_gram (rowid, scope, text)
select id, scope, (
    with recursive place (n) as (select 1 union all select n + 1 from place where n < length(whole))
    select group_concat(substr(whole, n, 2), ' ') from place
    where substr(whole, n, 2) glob '[฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿][฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿]'
)
from (select id, scope, heading || char(10) || header || char(10) || body as whole from passage)
where whole glob '*[฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿][฀-࿿က-႟ក-៿⺀-⿟々-〇぀-ヺー-ㄯㇰ-ㇿ㐀-䶿一-鿿豈-﫿ｦ-ﾟ𠀀-𿿿]*';

create trigger passage_gram_delete after delete on passage begin
    delete from passage_gram where rowid = old.id;
end;

create trigger passage_gram_move after update of scope on passage begin
    update passage_gram set scope = new.scope where rowid = new.id;
end;

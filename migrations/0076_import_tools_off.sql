-- The tools that stay off behind an import, a name in each line.
alter table import add column tools_off text not null default '';

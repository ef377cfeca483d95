-- What models are told first in the chats of a folder that say nothing themselves.
alter table folder add column system_prompt text;

-- What models are called that another program lists under names of its own, by the file: when such a name changes, what was
-- noted of the model goes along.
create table listed_model (
    path text primary key,
    model text not null
) strict, without rowid;

-- How each model is loaded; null takes what the server was started with.
create table launch_profile (
    model text primary key,
    n_ctx integer,
    kv_type text
) strict;

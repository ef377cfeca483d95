-- How each model is loaded; null takes what the server was started with. `draft` names the model that guesses tokens;
-- empty is none.
create table launch_profile (
    model text primary key,
    n_ctx integer,
    kv_type text,
    draft text
) strict;

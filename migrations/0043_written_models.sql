-- Models that were written here, what of, and what that cost, as JSON; null where it was not measured.
create table written_model (
    model text not null primary key,
    source text not null,
    source_bytes integer not null,
    size_bytes integer not null,
    measure text,
    written_ms integer not null
) strict;

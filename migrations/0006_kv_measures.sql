-- What keeping keys and values in other forms was measured to cost, by model.
create table kv_measure (
    model text not null,
    kv_type text not null,
    n_bytes integer not null,
    n_cells integer not null,
    mean_kld real not null,
    top1_agreement real not null,
    prefill_ratio real not null,
    decode_ratio real not null,
    measured_ms integer not null,
    primary key (model, kv_type)
) strict;

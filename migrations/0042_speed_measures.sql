-- How fast models were measured to compute on this machine, by how they are loaded. Layers of a graphics card are -1 where
-- the build computes on none.
create table speed_measure (
    model text not null,
    n_threads integer not null,
    n_batch integer not null,
    n_gpu_layers integer not null,
    prefill real not null,
    decode real not null,
    measured_ms integer not null,
    primary key (model, n_threads, n_batch, n_gpu_layers)
) strict;

-- What writing a model with fewer bits was measured to cost, compared with the model as it is.
create table quant_measure (
    model text not null,
    quant text not null,
    size_bytes integer not null,
    mean_kld real not null,
    top1_agreement real not null,
    reference_perplexity real not null,
    perplexity real not null,
    prefill_ratio real not null,
    decode_ratio real not null,
    tokens_per_second real not null,
    measured_ms integer not null,
    primary key (model, quant)
) strict;

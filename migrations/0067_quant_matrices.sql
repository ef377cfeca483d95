-- Whether a way to write a model was measured by what an importance matrix says.
alter table quant_measure add column has_imatrix integer not null default 0;

//! What forms of the KV cache were measured to cost.

use crate::{Store, StoreError};
use types::{ids::ModelId, kv::KvMeasure};

struct Raw {
    kv_type: String,
    n_bytes: i64,
    n_cells: i64,
    mean_kld: f64,
    top1_agreement: f64,
    prefill_ratio: f64,
    decode_ratio: f64,
}

impl Raw {
    /// `None` for a type that this version does not know.
    fn parse(self) -> Option<KvMeasure> {
        Some(KvMeasure {
            kv_type: self.kv_type.parse().ok()?,
            n_bytes: self.n_bytes.cast_unsigned(),
            n_cells: u32::try_from(self.n_cells).ok()?,
            mean_kld: self.mean_kld,
            top1_agreement: self.top1_agreement,
            prefill_ratio: self.prefill_ratio,
            decode_ratio: self.decode_ratio,
        })
    }
}

impl Store {
    /// Keeps a measurement in place of an earlier one of the same model and type.
    pub async fn save_kv_measure(
        &self,
        model: &ModelId,
        measure: &KvMeasure,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let kv_type = measure.kv_type.to_string();
        let n_bytes = measure.n_bytes.cast_signed();
        sqlx::query!(
            "insert or replace into kv_measure (model, kv_type, n_bytes, n_cells, mean_kld, top1_agreement, \
             prefill_ratio, decode_ratio, measured_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            model.0,
            kv_type,
            n_bytes,
            measure.n_cells,
            measure.mean_kld,
            measure.top1_agreement,
            measure.prefill_ratio,
            measure.decode_ratio,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What was measured with a model, largest first.
    pub async fn kv_measures(&self, model: &ModelId) -> Result<Vec<KvMeasure>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select kv_type, n_bytes, n_cells, mean_kld, top1_agreement, prefill_ratio, decode_ratio \
             from kv_measure where model = ? order by n_bytes desc, kv_type",
            model.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().filter_map(Raw::parse).collect())
    }
}

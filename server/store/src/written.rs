//! Models that were written here.

use crate::{Store, StoreError};
use types::{ids::ModelId, quant::Written};

impl Store {
    /// Keeps where a model came from, in place of what was known of an earlier one of that name.
    pub async fn save_written(
        &self,
        model: &ModelId,
        written: &Written,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let measure = written.measure.as_ref().map(serde_json::to_string).transpose();
        let measure = measure.map_err(|err| StoreError::Other(err.to_string()))?;
        let (source_bytes, size_bytes) =
            (written.source_bytes.cast_signed(), written.size_bytes.cast_signed());
        sqlx::query!(
            "insert or replace into written_model (model, source, source_bytes, size_bytes, measure, written_ms) \
             values (?, ?, ?, ?, ?, ?)",
            model.0,
            written.source.0,
            source_bytes,
            size_bytes,
            measure,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Where a model came from; `None` of one that was not written here.
    pub async fn written(&self, model: &ModelId) -> Result<Option<Written>, StoreError> {
        let row = sqlx::query!(
            "select source, source_bytes, size_bytes, measure from written_model where model = ?",
            model.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(|row| Written {
            source: ModelId(row.source),
            source_bytes: row.source_bytes.cast_unsigned(),
            size_bytes: row.size_bytes.cast_unsigned(),
            // Figures of another version are no figures.
            measure: row.measure.and_then(|text| serde_json::from_str(&text).ok()),
        }))
    }
}

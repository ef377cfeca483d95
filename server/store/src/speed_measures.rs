//! How fast models were measured to compute.

use crate::{Store, StoreError};
use types::{
    ids::ModelId,
    speed::{SpeedChoice, SpeedMeasure},
};

/// Stands for no graphics card.
const NO_CARD: i64 = -1;

impl Store {
    /// Keeps a measurement in place of an earlier one of the same model and choice.
    pub async fn save_speed_measure(
        &self,
        model: &ModelId,
        measure: &SpeedMeasure,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let SpeedChoice { n_threads, n_batch, n_gpu_layers } = measure.choice;
        let n_gpu_layers = n_gpu_layers.map_or(NO_CARD, i64::from);
        sqlx::query!(
            "insert or replace into speed_measure (model, n_threads, n_batch, n_gpu_layers, prefill, decode, measured_ms) \
             values (?, ?, ?, ?, ?, ?, ?)",
            model.0,
            n_threads,
            n_batch,
            n_gpu_layers,
            measure.prefill,
            measure.decode,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What was measured with a model, by threads, batch and layers.
    pub async fn speed_measures(&self, model: &ModelId) -> Result<Vec<SpeedMeasure>, StoreError> {
        let rows = sqlx::query!(
            "select n_threads, n_batch, n_gpu_layers, prefill, decode from speed_measure where model = ? \
             order by n_threads, n_batch, n_gpu_layers",
            model.0
        )
        .fetch_all(&self.read)
        .await?;
        let known = rows.into_iter().filter_map(|row| {
            let choice = SpeedChoice {
                n_threads: u32::try_from(row.n_threads).ok()?,
                n_batch: u32::try_from(row.n_batch).ok()?,
                n_gpu_layers: u32::try_from(row.n_gpu_layers).ok(),
            };
            Some(SpeedMeasure { choice, prefill: row.prefill, decode: row.decode })
        });
        Ok(known.collect())
    }
}

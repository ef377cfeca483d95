//! What models that guess were measured to bring.

use crate::{Store, StoreError};
use types::{
    ids::ModelId,
    speed::{DraftMeasure, DraftSpeed},
};

impl Store {
    /// Keeps a measurement in place of an earlier one of the same two models.
    pub async fn save_draft_measure(
        &self,
        model: &ModelId,
        measure: &DraftMeasure,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let DraftSpeed { guessed, alone } = measure.speed;
        sqlx::query!(
            "insert or replace into draft_measure (model, draft, guessed, alone, measured_ms) values (?, ?, ?, ?, ?)",
            model.0,
            measure.draft.0,
            guessed,
            alone,
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What was measured with a model, by the names of those that guess.
    pub async fn draft_measures(&self, model: &ModelId) -> Result<Vec<DraftMeasure>, StoreError> {
        let rows = sqlx::query!(
            "select draft, guessed, alone from draft_measure where model = ? order by draft",
            model.0
        )
        .fetch_all(&self.read)
        .await?;
        let measures = rows.into_iter().map(|row| {
            let speed = DraftSpeed { guessed: row.guessed, alone: row.alone };
            DraftMeasure { draft: ModelId(row.draft), speed }
        });
        Ok(measures.collect())
    }
}

//! Models whose names another program chose, and what was noted of them under the names before.

use crate::{Store, StoreError};
use sqlx::{Sqlite, Transaction};
use types::ids::ModelId;

impl Store {
    /// What each such model is called, by its file.
    pub async fn listed_models(&self) -> Result<Vec<(String, ModelId)>, StoreError> {
        let rows =
            sqlx::query!("select path, model from listed_model order by path").fetch_all(&self.read).await?;
        Ok(rows.into_iter().map(|row| (row.path, ModelId(row.model))).collect())
    }

    /// Keeps what such a model is called now. What was noted of it as `before` is noted of it as `model` from then on, unless there
    /// is something already.
    pub async fn name_listed_model(
        &self,
        path: &str,
        model: &ModelId,
        before: Option<&ModelId>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        if let Some(before) = before {
            move_notes(&mut tx, before, model).await?;
            move_measures(&mut tx, before, model).await?;
            move_uses(&mut tx, before, model).await?;
        }
        sqlx::query!("insert or replace into listed_model (path, model) values (?, ?)", path, model.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What people said of it.
async fn move_notes(
    tx: &mut Transaction<'_, Sqlite>,
    ModelId(before): &ModelId,
    ModelId(now): &ModelId,
) -> Result<(), StoreError> {
    sqlx::query!("update or ignore model_note set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore model_tag set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore launch_profile set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update launch_profile set draft = ? where draft = ?", now, before)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What was measured with it.
async fn move_measures(
    tx: &mut Transaction<'_, Sqlite>,
    ModelId(before): &ModelId,
    ModelId(now): &ModelId,
) -> Result<(), StoreError> {
    sqlx::query!("update or ignore kv_measure set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore speed_measure set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore quant_measure set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore draft_measure set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update or ignore draft_measure set draft = ? where draft = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update written_model set source = ? where source = ?", now, before)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Who answers by it, and what it made.
async fn move_uses(
    tx: &mut Transaction<'_, Sqlite>,
    ModelId(before): &ModelId,
    ModelId(now): &ModelId,
) -> Result<(), StoreError> {
    sqlx::query!("update session_model set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update session_model set draft = ? where draft = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update document set embedder = ? where embedder = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("update passage_vector set model = ? where model = ?", now, before)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "update settings set body = json_set(body, '$.model', ?) where json_extract(body, '$.model') = ?",
        now,
        before
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "update settings set body = json_set(body, '$.embed_with', ?) where json_extract(body, '$.embed_with') = ?",
        now,
        before
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

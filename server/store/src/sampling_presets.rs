//! Samplers that a person keeps under names.

use crate::{
    Store, StoreError,
    samplers::{overrides_of, written},
    sessions::found,
};
use types::{
    ids::UserId,
    overrides::{MAX_PRESETS, Overrides},
};

impl Store {
    /// The person's presets by name.
    pub async fn list_presets(&self, user: UserId) -> Result<Vec<(String, Overrides)>, StoreError> {
        let rows = sqlx::query!(
            "select name, sampling from sampling_preset where user_id = ? order by name",
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(|row| (row.name, overrides_of(&row.sampling))).collect())
    }

    /// Keeps a preset, unless there are [`MAX_PRESETS`], of which `false` tells. `Conflict` if its name is taken and it does not
    /// replace what has it.
    pub async fn keep_preset(
        &self,
        user: UserId,
        name: &str,
        overrides: &Overrides,
        replaces: bool,
    ) -> Result<bool, StoreError> {
        let sampling = written(overrides)?;
        let mut tx = self.write.begin().await?;
        if replaces {
            sqlx::query!("delete from sampling_preset where user_id = ? and name = ?", user.0, name)
                .execute(&mut *tx)
                .await?;
        }
        let most = MAX_PRESETS as i64;
        let done = sqlx::query!(
            "insert into sampling_preset (user_id, name, sampling)
             select ?1, ?2, ?3 where (select count(*) from sampling_preset where user_id = ?1) < ?4",
            user.0,
            name,
            sampling,
            most
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a preset another name. `Conflict` if another one has it.
    pub async fn rename_preset(&self, user: UserId, name: &str, new_name: &str) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update sampling_preset set name = ? where user_id = ? and name = ?",
            new_name,
            user.0,
            name
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Removes a preset.
    pub async fn delete_preset(&self, user: UserId, name: &str) -> Result<(), StoreError> {
        let done = sqlx::query!("delete from sampling_preset where user_id = ? and name = ?", user.0, name)
            .execute(&self.write)
            .await?;
        found(done.rows_affected())
    }
}

#[cfg(test)]
mod tests;

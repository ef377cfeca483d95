//! Samplers that a person keeps under names, for any chat.

use crate::{Chat, ChatError};
use store::StoreError;
use types::{
    ids::UserId,
    overrides::{MAX_PRESETS, Overrides, PresetAct, SamplingPreset, preset_name},
    sampling::Sampling,
};

impl Chat {
    /// Does what a person wants with what they keep, and gives all that is then kept, by name.
    pub async fn act_on_presets(
        &self,
        user: UserId,
        act: PresetAct,
    ) -> Result<Vec<SamplingPreset>, ChatError> {
        match act {
            PresetAct::Look => {}
            PresetAct::Keep { preset, replaces } => self.keep_preset(user, preset, replaces).await?,
            PresetAct::Rename { name, new_name } => {
                let new_name = preset_name(&new_name).map_err(ChatError::Setting)?;
                let renamed = self.settings.rename_preset(user, &name, &new_name).await;
                renamed.map_err(|err| taken(err, &new_name))?;
            }
            PresetAct::Delete { name } => self.settings.delete_preset(user, &name).await?,
        }
        let kept = self.settings.list_presets(user).await?;
        let preset =
            |(name, overrides): (String, Overrides)| SamplingPreset { name, numbers: overrides.numbers() };
        Ok(kept.into_iter().map(preset).collect())
    }

    async fn keep_preset(
        &self,
        user: UserId,
        preset: SamplingPreset,
        replaces: bool,
    ) -> Result<(), ChatError> {
        let name = preset_name(&preset.name).map_err(ChatError::Setting)?;
        let overrides = Overrides::read(&preset.numbers).map_err(ChatError::Setting)?;
        overrides.over(Sampling::default()).map_err(|err| ChatError::Setting(err.to_string()))?;
        let kept = self.settings.keep_preset(user, &name, &overrides, replaces).await;
        if kept.map_err(|err| taken(err, &name))? {
            return Ok(());
        }
        Err(ChatError::Setting(format!(
            "there are {MAX_PRESETS} presets, which is the most; delete one first"
        )))
    }
}

fn taken(err: StoreError, name: &str) -> ChatError {
    match err {
        StoreError::Conflict => ChatError::Setting(format!("there is a preset named {name} already")),
        err => err.into(),
    }
}

//! Who is asked, and how: all that a draft does not say is as the person set it for all.

use crate::CompareError;
use store::{ContestantRow, TallyRow};
use types::{
    compare::{Contestant, TallyLine},
    overrides::Overrides,
    sampling::Sampling,
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

/// One who can be asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// As it is kept.
    pub(crate) row: ContestantRow,
    /// All of it.
    pub(crate) sampling: Sampling,
}

impl Asked {
    /// Checks what a draft says. What is kept does not depend on settings that change later.
    pub(crate) fn of(contestant: Contestant, usual: &Sampling) -> Result<Self, CompareError> {
        let Contestant { model, system_prompt, effort, numbers } = contestant;
        let system_prompt = system_prompt.filter(|text| !text.trim().is_empty());
        let (bytes, limit) = (system_prompt.as_ref().map_or(0, String::len), MAX_SYSTEM_PROMPT_BYTES);
        if bytes > limit {
            return Err(CompareError::TooLong { bytes, limit });
        }
        let overrides = Overrides::read(&numbers).map_err(CompareError::Setting)?;
        let sampling = overrides.over(usual.clone()).map_err(|err| CompareError::Setting(err.to_string()))?;
        let apart = Overrides::apart(&sampling, &[&Sampling::default()]);
        Ok(Self { row: ContestantRow { model, system_prompt, effort, sampling: apart }, sampling })
    }
}

/// What a page shows of one who was asked, and what a draft asks the same with under the settings of now.
pub(crate) fn shown(row: ContestantRow, usual: &Sampling) -> Contestant {
    let ContestantRow { model, system_prompt, effort, sampling } = row;
    let apart = match sampling.over(Sampling::default()) {
        Ok(sampling) => Overrides::apart(&sampling, &[&Sampling::default(), usual]),
        // Another version allowed what this one does not.
        Err(_) => sampling,
    };
    Contestant { model, system_prompt, effort, numbers: apart.numbers() }
}

/// A line of the tally.
pub(crate) fn tallied(row: TallyRow) -> TallyLine {
    let TallyRow { contestant, n_runs, n_won, n_even } = row;
    TallyLine { contestant: shown(contestant, &Sampling::default()), n_runs, n_won, n_even }
}

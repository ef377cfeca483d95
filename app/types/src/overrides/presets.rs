//! Samplers that a person keeps under a name, to take them in any chat.

use serde::{Deserialize, Serialize};

/// The most that a person keeps.
pub const MAX_PRESETS: usize = 100;
/// The longest name of one, in characters.
pub const MAX_PRESET_NAME_CHARS: usize = 60;

/// Samplers under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SamplingPreset {
    pub name: String,
    /// Names and numbers of [`super::Knob`]s as they are written; what is not named is as the person set it for all.
    pub numbers: Vec<(String, String)>,
}

/// What a person wants with those that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PresetAct {
    /// Changes nothing.
    Look,
    /// Keeps one. A name that is taken is refused, unless it replaces what has it.
    Keep {
        preset: SamplingPreset,
        replaces: bool,
    },
    /// Gives one another name, which is not taken.
    Rename {
        name: String,
        new_name: String,
    },
    Delete {
        name: String,
    },
}

/// What was written as a name, as it is kept. An error is a sentence.
pub fn preset_name(text: &str) -> Result<String, String> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let n_chars = name.chars().count();
    if name.is_empty() {
        return Err("a preset needs a name".to_owned());
    }
    if n_chars > MAX_PRESET_NAME_CHARS {
        return Err(format!("the name has {n_chars} characters, {MAX_PRESET_NAME_CHARS} are allowed"));
    }
    if name.chars().any(char::is_control) {
        return Err("the name has characters that cannot be seen".to_owned());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::preset_name;

    fn check(text: &str, expected: Result<&str, &str>) {
        assert_eq!(preset_name(text), expected.map(str::to_owned).map_err(str::to_owned), "{text:?}");
    }

    #[test]
    fn names_are_short_and_can_be_seen() {
        check("  Dry \n and  calm ", Ok("Dry and calm"));
        check(&"ü".repeat(60), Ok(&"ü".repeat(60)));
        check(" \t", Err("a preset needs a name"));
        check(&"ü".repeat(61), Err("the name has 61 characters, 60 are allowed"));
        check("a\u{7}b", Err("the name has characters that cannot be seen"));
    }
}

//! What the file says about where the model is from: its name, its licence, what it was made of.

mod card;
mod names;

use crate::{
    ConvertError,
    config::{Config, MAX_JSON_BYTES, read_json},
    container::{Keys, Value},
};
use card::Card;
use names::{Parts, title};
use serde_json::{Map, Value as Json};
use std::path::Path;

/// Where it looks for repositories named by owner and name alone.
const HUB: &str = "https://huggingface.co/";

/// The longest name of a licence that is told.
const MAX_LICENCE_CHARS: usize = 100;

/// What the model card in `folder` says about its licence; `None` where it says nothing.
pub fn licence(folder: &Path) -> Option<String> {
    let card = Card::read(folder).ok()?;
    let all = card.list("license")?.join(", ");
    // Hubs list licences that they know; of another one the name stands beside it.
    let licence = card.text("license_name").filter(|_| all == "other").unwrap_or(all);
    Some(licence).filter(|text| text.chars().count() <= MAX_LICENCE_CHARS)
}

/// What is known of a model's origin.
#[derive(Debug, Default)]
struct About {
    name: Option<String>,
    author: Option<String>,
    organization: Option<String>,
    description: Option<String>,
    parts: Parts,
}

/// Where a model is, and what it is called where nothing there says otherwise.
pub(crate) struct Origin<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) id: Option<&'a str>,
}

/// How many numbers a model has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) total: u64,
    /// Those that are not of experts.
    shared: u64,
    /// Those of one expert of each layer.
    of_expert: u64,
    /// How many experts each layer has.
    n_experts: u64,
}

impl Parameters {
    /// With another tensor, of `n_experts` experts if it is of experts.
    pub(crate) fn with(mut self, n: u64, n_experts: Option<u64>) -> Self {
        self.total += n;
        match n_experts {
            None => self.shared += n,
            Some(n_experts) => {
                self.of_expert += n / n_experts;
                self.n_experts = n_experts;
            }
        }
        self
    }

    /// How large it is called: as `7.2B`, and with experts as `8x7.2B`.
    fn label(&self) -> String {
        match self.n_experts {
            0 => names::size_label(self.total),
            n => format!("{n}x{}", names::size_label(self.shared + self.of_expert)),
        }
    }
}

/// Sets the keys about a model with so many numbers, or about a part of one. `kind` is the format's word for which.
pub(crate) fn set_about(
    keys: &mut Keys,
    kind: &str,
    origin: &Origin<'_>,
    config: &Config,
    parameters: &Parameters,
) -> Result<(), ConvertError> {
    let n_parameters = parameters.total;
    keys.text("general.type", kind);
    set_sampling(keys, origin.folder);
    let card = Card::read(origin.folder)?;
    let about = about(origin.id, config, &card, n_parameters);
    let mut text =
        |key: &str, value: Option<String>| keys.text(format!("general.{key}"), value.unwrap_or_default());
    text("name", about.name);
    text("author", about.author);
    text("version", about.parts.version);
    text("organization", about.organization);
    text("finetune", about.parts.finetune);
    text("basename", about.parts.basename);
    text("description", about.description);
    text("size_label", Some(about.parts.size_label.unwrap_or_else(|| parameters.label())));
    text("license", card.list("license").map(|all| all.join(",")));
    text("license.name", card.text("license_name"));
    text("license.link", card.text("license_link"));
    set_sources(
        keys,
        "base_model",
        card.list("base_model").or_else(|| card.list("base_models")),
        n_parameters,
    );
    set_sources(keys, "dataset", card.list("datasets").or_else(|| card.list("dataset")), n_parameters);
    let both = |one: &str, other: &str| {
        let lists = [card.list(one), card.list(other)];
        lists.into_iter().flatten().flatten().collect::<Vec<_>>()
    };
    keys.set("general.tags", Value::Texts(both("tags", "pipeline_tag")));
    keys.set("general.languages", Value::Texts(both("languages", "language")));
    Ok(())
}

/// By the card, then by the name that the description has, then by the one that is given.
fn about(id: Option<&str>, config: &Config, card: &Card, n_parameters: u64) -> About {
    let mut about = About {
        name: card.text("name").or_else(|| card.text("model_name")),
        author: ["author", "model_author", "model_creator"].iter().find_map(|key| card.text(key)),
        organization: card.text("organization").or_else(|| card.text("model_organization")),
        description: card.text("description").or_else(|| card.text("model_description")),
        parts: Parts {
            version: card.text("version").or_else(|| card.text("model_version")),
            finetune: card.text("finetune").or_else(|| card.text("model_finetune")),
            basename: ["basename", "model_basename", "model_type"].iter().find_map(|key| card.text(key)),
            size_label: card.text("size_label").or_else(|| card.text("model_size_label")),
            ..Parts::default()
        },
    };
    let stated = config.whole.get("_name_or_path").and_then(Json::as_str);
    // More than one slash is a path on the computer of whoever trained it.
    let stated = stated.filter(|name| name.matches('/').count() <= 1 && !name.is_empty());
    for called in stated.into_iter().chain(id) {
        let found = Parts::of(called, n_parameters);
        about.name = about.name.or_else(|| found.name.as_deref().map(title));
        about.organization = about.organization.or_else(|| found.organization.as_deref().map(title));
        about.parts.basename = about.parts.basename.or(found.basename);
        about.parts.finetune = about.parts.finetune.or(found.finetune);
        about.parts.version = about.parts.version.or(found.version);
        about.parts.size_label = about.parts.size_label.or(found.size_label);
    }
    about.name = about.name.or_else(|| id.map(str::to_owned));
    about
}

/// Models and data that it was made of.
fn set_sources(keys: &mut Keys, kind: &str, ids: Option<Vec<String>>, n_parameters: u64) {
    let Some(ids) = ids else { return };
    keys.set(format!("general.{kind}.count"), Value::U32(ids.len() as u32));
    for (i, id) in ids.iter().enumerate() {
        let is_address = ["http://", "https://", "ssh://"].iter().any(|start| id.starts_with(start));
        let in_hub = id.strip_prefix(HUB).or_else(|| id.strip_prefix("http://huggingface.co/"));
        let in_hub = in_hub
            .filter(|rest| rest.split('/').count() == 2 && rest.split('/').all(|part| !part.is_empty()));
        let found = match in_hub {
            Some(id) => Parts::of(id, n_parameters),
            None if is_address => Parts::default(),
            None => Parts::of(id, n_parameters),
        };
        let address = match (&found.organization, &found.name) {
            _ if is_address => Some(id.clone()),
            (Some(organization), Some(name)) => Some(format!("{HUB}{organization}/{name}")),
            _ => None,
        };
        let mut text = |key: &str, value: Option<String>| {
            keys.text(format!("general.{kind}.{i}.{key}"), value.unwrap_or_default());
        };
        text("name", found.name.as_deref().map(title));
        text("version", found.version);
        text("organization", found.organization.as_deref().map(title));
        text("repo_url", address);
    }
}

/// How its makers recommend to sample. Files that are none are passed over: many are not valid.
fn set_sampling(keys: &mut Keys, folder: &Path) {
    let path = folder.join("generation_config.json");
    let Ok(Some(stated)) = read_json::<Map<String, Json>>(&path, MAX_JSON_BYTES) else { return };
    let find = |names: &[&str]| names.iter().find_map(|name| stated.get(*name)).filter(|it| !it.is_null());
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            keys.set(format!("general.sampling.{key}"), value);
        }
    };
    let whole = |names: &[&str]| find(names)?.as_i64().and_then(|n| i32::try_from(n).ok()).map(Value::I32);
    let float = |names: &[&str]| find(names)?.as_f64().map(|n| Value::F32(n as f32));
    set("sequence", find(&["sequence"]).and_then(Json::as_str).map(|text| Value::Text(text.to_owned())));
    set("top_k", whole(&["top_k"]));
    set("top_p", float(&["top_p"]));
    set("min_p", float(&["min_p"]));
    set("xtc_probability", float(&["xtc_probability"]));
    set("xtc_threshold", float(&["xtc_threshold"]));
    set("temp", float(&["temperature"]));
    set("penalty_last_n", whole(&["penalty_last_n"]));
    set("penalty_repeat", float(&["penalty_repeat", "repetition_penalty"]));
    set("mirostat", whole(&["mirostat"]));
    set("mirostat_tau", float(&["mirostat_tau"]));
    set("mirostat_eta", float(&["mirostat_eta"]));
}

#[cfg(test)]
mod tests {
    use super::Parameters;

    #[test]
    fn sizes_of_mixtures_tell_experts_and_what_computes_with_one() {
        let check = |tensors: &[(u64, Option<u64>)], expected: &str| {
            let sum =
                tensors.iter().fold(Parameters::default(), |sum, (n, n_experts)| sum.with(*n, *n_experts));
            assert_eq!(sum.label(), expected);
            assert_eq!(sum.total, tensors.iter().map(|(n, _)| n).sum::<u64>());
        };
        check(&[(1_500_000_000, None)], "1.5B");
        check(&[(1_600_000_000, None), (45_100_000_000, Some(8))], "8x7.2B");
        check(&[(1_000_000, None), (64_000_000, Some(64)), (128_000_000, Some(64))], "64x4.0M");
    }
}

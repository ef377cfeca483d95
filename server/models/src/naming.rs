//! What models are called: the last part of their ids, or more of them where that says nothing or is somebody else's. Pure.

use crate::bring::safe_name;
use types::ids::ModelId;

/// Names of files that are the same for every model; their folders have the model's.
const GENERIC: [&str; 6] =
    ["model", "ggml-model", "pytorch_model", "diffusion_pytorch_model", "consolidated", "weights"];

/// What a model is called: its id without folders, or the folder that it is in where its file says nothing.
pub(crate) fn short_name(id: &ModelId) -> &str {
    let (folder, name) = folder_and_name(id);
    folder.filter(|_| GENERIC.iter().any(|it| name.eq_ignore_ascii_case(it))).unwrap_or(name)
}

/// What its files may be called, without their ending: its name, and that with its folder for where the name is taken.
pub(crate) fn file_names(id: &ModelId) -> [String; 2] {
    let name = short_name(id);
    let before = id.0.rsplit('/').skip_while(|it| *it != name).nth(1);
    let longer = before.map_or_else(|| safe_name(name), |folder| safe_name(&format!("{folder}-{name}")));
    [safe_name(name), longer]
}

fn folder_and_name(id: &ModelId) -> (Option<&str>, &str) {
    let (folders, name) = id.0.rsplit_once('/').map_or((None, id.0.as_str()), |(a, b)| (Some(a), b));
    (folders.and_then(|it| it.rsplit('/').next()), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_of_an_id_that_says_something() {
        let check = |id: &str, short: &str, names: [&str; 2]| {
            let id = ModelId(id.to_owned());
            assert_eq!((short_name(&id), file_names(&id)), (short, names.map(str::to_owned)));
        };
        check("tiny", "tiny", ["tiny", "tiny"]);
        check("other/tiny", "tiny", ["tiny", "other-tiny"]);
        check("jan/llamacpp/models/Qwen3-4B/model", "Qwen3-4B", ["Qwen3-4B", "models-Qwen3-4B"]);
        check("model", "model", ["model", "model"]);
        check("other/Model", "other", ["other", "other"]);
        check("ollama/qwen3:4b", "qwen3:4b", ["qwen3-4b", "ollama-qwen3-4b"]);
        check("a/model/model", "model", ["model", "model-model"]);
    }
}

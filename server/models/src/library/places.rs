//! Where other programs of this machine keep their models.

use std::path::{Path, PathBuf};

/// What decides where programs keep things.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The person's own folder.
    pub home: Option<PathBuf>,
    /// Variables that were set, by name.
    pub variables: Vec<(String, PathBuf)>,
}

/// The variables that are asked for.
pub const VARIABLES: [&str; 6] =
    ["HF_HUB_CACHE", "HF_HOME", "OLLAMA_MODELS", "LLAMA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"];

/// Names of folders, from one that a variable or the system names.
enum Place {
    Home(&'static [&'static str]),
    Variable(&'static str, &'static [&'static str]),
    Root(&'static [&'static str]),
}

/// Labels, and the places where each program looks, the first that is there being the one.
const PROGRAMS: [(&str, &[Place]); 8] = [
    (
        "huggingface",
        &[
            Place::Variable("HF_HUB_CACHE", &[]),
            Place::Variable("HF_HOME", &["hub"]),
            Place::Variable("XDG_CACHE_HOME", &["huggingface", "hub"]),
            Place::Home(&[".cache", "huggingface", "hub"]),
        ],
    ),
    ("lmstudio", &[Place::Home(&[".lmstudio", "models"]), Place::Home(&[".cache", "lm-studio", "models"])]),
    (
        "ollama",
        &[
            Place::Variable("OLLAMA_MODELS", &[]),
            Place::Home(&[".ollama", "models"]),
            Place::Root(&["usr", "share", "ollama", ".ollama", "models"]),
            Place::Root(&["var", "lib", "ollama", "models"]),
        ],
    ),
    (
        "llama.cpp",
        &[
            Place::Variable("LLAMA_CACHE", &[]),
            Place::Variable("XDG_CACHE_HOME", &["llama.cpp"]),
            Place::Home(&[".cache", "llama.cpp"]),
            Place::Home(&["Library", "Caches", "llama.cpp"]),
            Place::Variable("LOCALAPPDATA", &["llama.cpp"]),
        ],
    ),
    (
        "jan",
        &[
            Place::Home(&[".local", "share", "Jan", "data", "llamacpp", "models"]),
            Place::Home(&["Library", "Application Support", "Jan", "data", "llamacpp", "models"]),
            Place::Home(&["AppData", "Roaming", "Jan", "data", "llamacpp", "models"]),
            Place::Home(&["jan", "models"]),
        ],
    ),
    ("comfyui", &[Place::Home(&["ComfyUI", "models"]), Place::Home(&["Documents", "ComfyUI", "models"])]),
    (
        "a1111",
        &[
            Place::Home(&["stable-diffusion-webui", "models"]),
            Place::Home(&["stable-diffusion-webui-forge", "models"]),
        ],
    ),
    ("models", &[Place::Home(&["Models"]), Place::Home(&["models"])]),
];

/// Folders with models that are there, with what they are called.
pub(crate) fn known(environment: &Environment) -> Vec<(&'static str, PathBuf)> {
    let places = PROGRAMS.iter().filter_map(|(label, places)| {
        let paths = places.iter().filter_map(|place| path_of(place, environment));
        Some((*label, paths.into_iter().find(|path| path.is_dir())?))
    });
    places.collect()
}

fn path_of(place: &Place, environment: &Environment) -> Option<PathBuf> {
    let below =
        |root: &Path, names: &[&str]| names.iter().fold(root.to_owned(), |path, name| path.join(name));
    match place {
        Place::Home(names) => Some(below(environment.home.as_ref()?, names)),
        Place::Variable(name, names) => {
            let (_, root) = environment.variables.iter().find(|(it, _)| it == name)?;
            root.is_absolute().then(|| below(root, names))
        }
        Place::Root(names) => cfg!(unix).then(|| below(Path::new("/"), names)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn folders_of_other_programs_are_found_where_they_are() {
        let home = tempfile::tempdir().unwrap();
        let make = |names: &[&str]| {
            let path = names.iter().fold(home.path().to_owned(), |path, name| path.join(name));
            fs::create_dir_all(&path).unwrap();
            path
        };
        let studio = make(&[".lmstudio", "models"]);
        make(&[".cache", "lm-studio", "models"]);
        let elsewhere = make(&["elsewhere"]);
        make(&[".cache", "huggingface", "hub"]);
        let variables = vec![
            ("HF_HUB_CACHE".to_owned(), elsewhere.clone()),
            ("OLLAMA_MODELS".to_owned(), PathBuf::from("not/absolute")),
        ];
        let environment = Environment { home: Some(home.path().to_owned()), variables };
        let found = known(&environment);
        let ours: Vec<_> = found.iter().filter(|(_, path)| path.starts_with(home.path())).cloned().collect();
        assert_eq!(ours, [("huggingface", elsewhere), ("lmstudio", studio)]);
    }
}

//! Folders of Jan: `model.yml` says where a model's files are, and what it is called. Its files are used where they are.

use super::walk::{Asked, Found, Layout};
use std::{
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf, Prefix},
};
use types::ids::ModelId;

/// What such a description is called.
pub(super) const FILE: &str = "model.yml";
/// It has a dozen lines.
const MAX_BYTES: u64 = 64 << 10;
const MAX_PATH_BYTES: usize = 4096;
const MAX_NAME_CHARS: usize = 80;
/// Where models are below Jan's own folder. Paths that are not whole begin there.
const PLACE: [&str; 2] = ["llamacpp", "models"];
/// What versions of Jan call the context, and the layers of a graphics card.
const CONTEXTS: [&str; 3] = ["ctx_len", "ctx_size", "n_ctx"];
const GPU_LAYERS: [&str; 2] = ["ngl", "n_gpu_layers"];

const REFUSED: &str =
    "Jan's description of it does not name a GGUF file below Jan's folder or by its whole path";
const MISSING: &str = "its weights are missing where Jan's description says; fetch it again there";
const BLIND: &str = "what lets it look at images is missing where Jan's description says";

/// The model that is described in `folder`, where `names` lead to it; `None` where nothing there is a description.
pub(super) fn model(folder: &Path, names: &[String]) -> Option<Found> {
    let text = read(&folder.join(FILE))?;
    let described = |key: &str| value(&text, key);
    let weights = described("model_path")?;
    let id = id_of(names, described("name"));
    let found = |problem: Option<&str>, path| Found {
        problem: problem.map(str::to_owned),
        listed_by: Some("jan"),
        ..Found::new(id.clone(), Layout::Gguf, path)
    };
    let Some(path) = file(folder, &weights) else { return Some(found(Some(REFUSED), folder.join(FILE))) };
    if !path.is_file() {
        return Some(found(Some(MISSING), folder.join(FILE)));
    }
    // Several files of one model are found by their names.
    if gguf::part_of(path.file_stem()?.to_str()?).is_some() {
        return None;
    }
    let eyes = described("mmproj_path").filter(|it| !it.is_empty());
    let projector = eyes.as_ref().and_then(|it| file(folder, it)).filter(|path| path.is_file());
    let is_blind = eyes.is_some() && projector.is_none();
    let number = |keys: &[&str]| keys.iter().find_map(|key| described(key)?.parse::<u32>().ok());
    let asked = Asked { n_ctx: number(&CONTEXTS).filter(|n| *n > 0), n_gpu_layers: number(&GPU_LAYERS) };
    let remark = is_blind.then(|| BLIND.to_owned());
    let unlisted = unlisted(folder, names, &path);
    Some(Found { projector, remark, asked, unlisted, ..found(None, path) })
}

/// What the file is called where nothing describes it; `None` where it would not be found then.
fn unlisted(folder: &Path, names: &[String], path: &Path) -> Option<ModelId> {
    let stem = path.file_stem()?.to_str()?.to_owned();
    (path.parent() == Some(folder)).then(|| ModelId([names, &[stem]].concat().join("/")))
}

/// As Jan calls it, where that can be a name here; else as its folder is called.
fn id_of(names: &[String], name: Option<String>) -> ModelId {
    let is_plain = |name: &String| {
        let n = name.chars().count();
        let divides = |char: char| char.is_control() || matches!(char, '/' | '\\');
        (1..=MAX_NAME_CHARS).contains(&n) && !name.starts_with('.') && !name.contains(divides)
    };
    match (names, name.filter(is_plain)) {
        // The first one is what the whole folder is called.
        ([before @ .., _], Some(name)) if !before.is_empty() => ModelId([before, &[name]].concat().join("/")),
        _ => ModelId(names.join("/")),
    }
}

/// Where a file is that is named so; `None` for what is no GGUF file, is on another machine or leads out of Jan's folder.
fn file(folder: &Path, text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let is_gguf = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gguf"));
    if !is_gguf || text.len() > MAX_PATH_BYTES || text.contains(char::is_control) {
        return None;
    }
    let is_of_disk = |part: Component<'_>| match part {
        Component::Prefix(prefix) => matches!(prefix.kind(), Prefix::Disk(_)),
        Component::RootDir | Component::Normal(_) => true,
        Component::CurDir | Component::ParentDir => false,
    };
    if path.is_absolute() {
        return path.components().all(is_of_disk).then(|| path.to_owned());
    }
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let place: PathBuf = PLACE.iter().collect();
    let is_jans = |above: &&Path| folder.strip_prefix(above).is_ok_and(|below| below.starts_with(&place));
    let named = folder.ancestors().find(is_jans).map(|above| above.join(path));
    // In a folder that was moved it lies beside its description.
    let beside = folder.join(path.file_name()?);
    Some(named.filter(|it| it.is_file() || !beside.is_file()).unwrap_or(beside))
}

fn read(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let n = file.take(MAX_BYTES + 1).read_to_string(&mut text).ok()?;
    (n as u64 <= MAX_BYTES).then_some(text)
}

/// What a line says that stands at the outermost level of a text of YAML: a word, a number or a text in quotes. Everything else
/// that YAML knows is not understood, and is nothing.
fn value(text: &str, key: &str) -> Option<String> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let rest = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return None;
    }
    let rest = rest.trim();
    match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(rest.get(1..)?, quote),
        Some('&' | '*' | '!' | '|' | '>' | '[' | '{' | '%' | '@' | '`') => None,
        _ => {
            let end = rest.find(" #").unwrap_or(rest.len());
            let plain = rest.get(..end)?.trim_end();
            (!plain.starts_with('#')).then(|| plain.to_owned()).filter(|it| it != "null" && it != "~")
        }
    }
}

/// A text up to the quote that ends it, behind which nothing but a remark may stand.
fn quoted(text: &str, quote: char) -> Option<String> {
    let mut chars = text.chars().peekable();
    let mut value = String::new();
    loop {
        match chars.next()? {
            '\'' if quote == '\'' && chars.peek() == Some(&'\'') => {
                chars.next();
                value.push('\'');
            }
            '\\' if quote == '"' => match chars.next()? {
                escaped @ ('\\' | '"' | '/') => value.push(escaped),
                _ => return None,
            },
            char if char == quote => break,
            char => value.push(char),
        }
    }
    let rest: String = chars.collect();
    let rest = rest.trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn values_are_words_numbers_and_texts_in_quotes() {
        let check = |line: &str, expected: Option<&str>| {
            let text = format!("---\nembedding: false\nsettings:\n  name: inner\n{line}\nname_of: other\n");
            assert_eq!(value(&text, "name").as_deref(), expected, "{line}");
        };
        check("name: Qwen3-4B", Some("Qwen3-4B"));
        check("name:   a b # says who", Some("a b"));
        check("name: a#b", Some("a#b"));
        check(r"name: C:\models\a.gguf", Some(r"C:\models\a.gguf"));
        check("name: 'it''s'  # so", Some("it's"));
        check(r#"name: "C:\\a \"b\"""#, Some(r#"C:\a "b""#));
        check("name:", Some(""));
        // What stands further in is about something else.
        check("other: x", None);
        for strange in
            ["&a b", "*a", "!!str a", "|", "> a", "[a]", "{a: b}", "'open", r#""\x41""#, "'a' b", "~"]
        {
            check(&format!("name: {strange}"), None);
        }
        check("name:a", None);
        check("name: # nothing", None);
    }

    /// What becomes of a description in a folder of Jan's, with what it is called, what is found and what is said.
    #[track_caller]
    fn check(text: &str, files: &[&str], expected: (&str, &str, &str)) {
        let home = tempfile::tempdir().unwrap();
        let at = |place: &str| place.split('/').fold(home.path().to_owned(), |path, name| path.join(name));
        let folder = at("Jan/data/llamacpp/models/maker/Tiny");
        fs::create_dir_all(&folder).unwrap();
        for file in files {
            fs::create_dir_all(at(file).parent().unwrap()).unwrap();
            fs::write(at(file), "").unwrap();
        }
        fs::write(folder.join(FILE), text.replace("HOME", home.path().to_str().unwrap())).unwrap();
        let names = ["jan", "maker", "Tiny"].map(str::to_owned);
        let found = model(&folder, &names).unwrap();
        assert_eq!(found.listed_by, Some("jan"));
        let below = |path: &Path| path.strip_prefix(home.path()).unwrap().display().to_string();
        let eyes = found.projector.as_deref().map(|it| format!(" + {}", below(it))).unwrap_or_default();
        let said = found.problem.or(found.remark).unwrap_or_default();
        let shown = (found.id.0, format!("{}{eyes}", below(&found.path)).replace('\\', "/"), said);
        assert_eq!((shown.0.as_str(), shown.1.as_str()), (expected.0, expected.1), "{text}");
        assert!(shown.2.contains(expected.2) && shown.2.is_empty() == expected.2.is_empty(), "{}", shown.2);
    }

    const OWN: &str = "Jan/data/llamacpp/models/maker/Tiny/model.gguf";
    const EYES: &str = "Jan/data/llamacpp/models/maker/Tiny/mmproj.gguf";
    const DESCRIPTION: &str = "Jan/data/llamacpp/models/maker/Tiny/model.yml";
    const PATH: &str = "model_path: llamacpp/models/maker/Tiny/model.gguf";

    #[test]
    fn a_model_is_where_its_description_says() {
        check(&format!("{PATH}\nname: Tiny 1B\n"), &[OWN], ("jan/maker/Tiny 1B", OWN, ""));
        check(&format!("name: a/b\n{PATH}\n"), &[OWN], ("jan/maker/Tiny", OWN, ""));
        let eyes = format!("{PATH}\nmmproj_path: llamacpp/models/maker/Tiny/mmproj.gguf\n");
        check(&eyes, &[OWN, EYES], ("jan/maker/Tiny", &format!("{OWN} + {EYES}"), ""));
        check(&eyes, &[OWN], ("jan/maker/Tiny", OWN, "look at images"));
        check("model_path: HOME/mine/b.GGUF", &["mine/b.GGUF"], ("jan/maker/Tiny", "mine/b.GGUF", ""));
        // Whoever moved the folder moved the file with it.
        check("model_path: models/Tiny/model.gguf", &[OWN], ("jan/maker/Tiny", OWN, ""));
        check(PATH, &[], ("jan/maker/Tiny", DESCRIPTION, "missing"));
    }

    #[test]
    fn how_jan_loads_a_model_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.gguf"), "").unwrap();
        let check = |lines: &str, n_ctx: Option<u32>, n_gpu_layers: Option<u32>| {
            fs::write(folder.path().join(FILE), format!("model_path: model.gguf\nname: Tiny 1B\n{lines}"))
                .unwrap();
            let found = model(folder.path(), &["jan", "Tiny"].map(str::to_owned)).unwrap();
            assert_eq!(found.asked, Asked { n_ctx, n_gpu_layers }, "{lines}");
            assert_eq!(found.unlisted, Some(ModelId("jan/Tiny/model".into())));
            assert_eq!(found.remark, None);
        };
        check("ctx_len: 8192 # as in its card\nngl: 33\n", Some(8192), Some(33));
        check("n_ctx: 4096\nngl: -1\n", Some(4096), None);
        check("ctx_len: 0\nngl: 0\n", None, Some(0));
        check("ctx_len: many\n", None, None);
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        let outside = "Jan/outside.gguf";
        for path in [
            "../../../../outside.gguf",
            "llamacpp/../../outside.gguf",
            "./llamacpp/models/maker/Tiny/model.gguf",
            "HOME/Jan/data/../outside.gguf",
            "HOME/Jan/data/secret.txt",
            "/etc/passwd",
            "HOME/Jan",
            "\"\"",
        ] {
            let files = [OWN, outside, "Jan/data/secret.txt"];
            check(&format!("model_path: {path}"), &files, ("jan/maker/Tiny", DESCRIPTION, "does not name"));
        }
        let long = format!("model_path: /{}.gguf", "x/".repeat(4096));
        check(&long, &[OWN], ("jan/maker/Tiny", DESCRIPTION, "does not name"));
    }

    #[test]
    fn what_describes_no_model_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["jan".to_owned()];
        let check = |text: &[u8]| {
            fs::write(folder.path().join(FILE), text).unwrap();
            assert_eq!(model(folder.path(), &names), None);
        };
        check(b"");
        check(b"id: old\nengine: llama-cpp\n");
        check(b"model_path: \xff.gguf");
        check(&[&b"model_path: a.gguf\n"[..], &vec![b'#'; MAX_BYTES as usize]].concat());
        fs::remove_file(folder.path().join(FILE)).unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        assert_eq!(model(folder.path(), &names), None);
    }
}

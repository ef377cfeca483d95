//! Turns the message catalogues in `locales/` into Rust structs, so that a key missing from a language,
//! or used without existing, does not compile.
//!
//! `en.json` is what every page may need. `NAME.en.json` is what one lazily loaded page needs: a struct of its own, so
//! that its texts are loaded with that page and not with every visit. Such a struct also gives the texts of `en.json`.
//!
//! `reasons.de.json` is what the server alone needs: what its errors say in English, and the same in German.

use serde_json::{Map, Value};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The first is the reference that the others must match.
const LOCALES: [&str; 2] = ["en", "de"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let folder = root.join("locales");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut code = structure(&folder, None);
    for page in pages(&folder) {
        code += &structure(&folder, Some(&page));
    }
    fs::write(out.join("texts.rs"), code).expect("the build folder can be written");
    fs::write(out.join("reasons.rs"), reasons(&folder)).expect("the build folder can be written");
}

/// The sentences of errors with their translations.
fn reasons(folder: &Path) -> String {
    let catalogue = read_catalogue(&folder.join("reasons.de.json"));
    let pair = |(english, german): (&String, &Value)| {
        format!("    ({english:?}, {:?}),\n", german.as_str().expect("a catalogue holds strings"))
    };
    let pairs: String = catalogue.iter().map(pair).collect();
    format!(
        "/// What errors say in English, and in German.\nstatic GERMAN: &[(&str, &str)] = &[\n{pairs}];\n"
    )
}

/// The pages that have catalogues of their own, by name.
fn pages(folder: &Path) -> Vec<String> {
    let ending = format!(".{}.json", LOCALES[0]);
    let files = fs::read_dir(folder).expect("locales/ can be listed").flatten();
    let mut pages: Vec<_> = files
        .filter_map(|file| file.file_name().into_string().ok()?.strip_suffix(&ending).map(str::to_owned))
        .collect();
    pages.sort();
    pages
}

/// The struct of a page's texts, or of everybody's, and one value of it for each language.
fn structure(folder: &Path, page: Option<&str>) -> String {
    let file = |locale: &str| match page {
        Some(page) => format!("{page}.{locale}.json"),
        None => format!("{locale}.json"),
    };
    let catalogues: Vec<_> =
        LOCALES.iter().map(|locale| read_catalogue(&folder.join(file(locale)))).collect();
    let reference: Vec<_> = catalogues[0].keys().cloned().collect();
    let name = format!("{}Texts", page.map(capitalised).unwrap_or_default());
    let value = |locale: &str| match page {
        Some(page) => format!("{page}_{locale}").to_uppercase(),
        None => locale.to_uppercase(),
    };

    let about = page.map_or_else(
        || "Texts that every page may need".to_owned(),
        |page| format!("Texts of the page `{page}`"),
    );
    let mut code = format!("/// {about}, in one language.\npub struct {name} {{\n");
    if page.is_some() {
        code += "    everyone: &'static Texts,\n";
    }
    for key in &reference {
        code += &format!("    pub {key}: &'static str,\n");
    }
    code += "}\n";
    for (locale, catalogue) in LOCALES.iter().zip(&catalogues) {
        assert_eq!(
            catalogue.keys().cloned().collect::<Vec<_>>(),
            reference,
            "locales/{} must have exactly the keys of locales/{}",
            file(locale),
            file(LOCALES[0])
        );
        code += &format!("static {}: {name} = {name} {{\n", value(locale));
        if page.is_some() {
            code += &format!("    everyone: &{},\n", locale.to_uppercase());
        }
        for (key, text) in catalogue {
            code += &format!("    {key}: {:?},\n", text.as_str().expect("a catalogue holds strings"));
        }
        code += "};\n";
    }
    code + &functions(&name, page.is_some(), value)
}

/// How the program comes by the texts.
fn functions(name: &str, is_page: bool, value: impl Fn(&str) -> String) -> String {
    let arms =
        LOCALES.map(|locale| format!("            Locale::{} => &{},\n", capitalised(locale), value(locale)));
    // What every page needs is fetched in one language only: see the module that this is included in.
    let place = if is_page { "" } else { "#[cfg(not(target_arch = \"wasm32\"))]\n" };
    let mut code = format!(
        "{place}impl {name} {{\n    /// Those of a language.\n    pub fn of(locale: Locale) -> &'static Self {{\n        match locale {{\n{}        }}\n    }}\n",
        arms.concat()
    );
    if !is_page {
        return code + "}\n";
    }
    code += "\n    /// Those of the page's language.\n    pub fn here() -> &'static Self {\n        Self::of(use_locale())\n    }\n}\n";
    code + &format!(
        "impl std::ops::Deref for {name} {{\n    type Target = Texts;\n\n    fn deref(&self) -> &Texts {{\n        self.everyone\n    }}\n}}\n"
    )
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn read_catalogue(path: &Path) -> Map<String, Value> {
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

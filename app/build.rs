//! Turns the message catalogues in `locales/` into one Rust struct, so that a key missing from a language,
//! or used without existing, does not compile.

use serde_json::{Map, Value};
use std::{env, fs, path::PathBuf};

/// The first is the reference that the others must match.
const LOCALES: [&str; 2] = ["en", "de"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let catalogues: Vec<_> = LOCALES.iter().map(|locale| read_catalogue(&root, locale)).collect();
    let reference: Vec<_> = catalogues[0].keys().cloned().collect();

    let mut code = String::from("/// Every text of the interface, in one language.\npub struct Texts {\n");
    for key in &reference {
        code += &format!("    pub {key}: &'static str,\n");
    }
    code += "}\n";
    for (locale, catalogue) in LOCALES.iter().zip(&catalogues) {
        assert_eq!(
            catalogue.keys().cloned().collect::<Vec<_>>(),
            reference,
            "locales/{locale}.json must have exactly the keys of locales/{}.json",
            LOCALES[0]
        );
        code += &format!("static {}: Texts = Texts {{\n", locale.to_uppercase());
        for (key, text) in catalogue {
            code += &format!("    {key}: {:?},\n", text.as_str().expect("a catalogue holds strings"));
        }
        code += "};\n";
    }
    fs::write(out.join("texts.rs"), code).expect("the build folder can be written");
}

fn read_catalogue(root: &std::path::Path, locale: &str) -> Map<String, Value> {
    let path = root.join("locales").join(format!("{locale}.json"));
    println!("cargo::rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

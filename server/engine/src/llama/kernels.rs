//! llama.cpp made ready for use, with kernels for this machine's processor.
//!
//! A program built where it runs has its kernels inside. One that is given to others (feature `portable`) has files of
//! kernels beside it, one for each generation of processors, and takes the best that this processor can run.

use llama_cpp_2::llama_backend::LlamaBackend;

/// llama.cpp, ready to load models. A process has it once.
pub(crate) fn start_llama() -> Result<LlamaBackend, String> {
    #[cfg(feature = "portable")]
    load_kernels()?;
    LlamaBackend::init().map_err(|error| error.to_string())
}

#[cfg(feature = "portable")]
fn load_kernels() -> Result<(), String> {
    let program =
        std::env::current_exe().map_err(|error| format!("this program's folder is unknown: {error}"))?;
    let folder = program.parent().unwrap_or(&program);
    if folder.to_str().is_none() {
        // llama.cpp takes names of folders as UTF-8 only.
        return Err("the name of this program's folder has characters that cannot be used; move the folder"
            .to_owned());
    }
    llama_cpp_2::llama_backend::load_backends_from_path(folder);
    if llama_cpp_2::list_llama_ggml_backend_devices().is_empty() {
        return Err("the files named ggml-cpu that belong beside this program are missing; unpack all of it"
            .to_owned());
    }
    Ok(())
}

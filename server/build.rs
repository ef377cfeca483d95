//! The web files are embedded into release builds; a build without them embeds none. A program for other machines looks
//! for its libraries in its own folder.

fn main() {
    look_for_libraries_beside_program();
    println!("cargo::rerun-if-env-changed=CHAOSENGINE_SITE");
    let site = std::env::var("CHAOSENGINE_SITE").unwrap_or_else(|_| "../target/site".to_owned());
    let site = std::path::absolute(&site).unwrap_or_else(|_| site.into());
    // Failing is fine: where the folder cannot be made, embedding it says so.
    _ = std::fs::create_dir_all(&site);
    println!("cargo::rerun-if-changed={}", site.display());
    println!("cargo::rustc-env=CHAOSENGINE_SITE_FOLDER={}", site.display());
}

/// Windows does so unasked.
fn look_for_libraries_beside_program() {
    if std::env::var_os("CARGO_FEATURE_PORTABLE").is_none() {
        return;
    }
    let folder = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos") => "@executable_path",
        Ok("windows") => return,
        _ => "$ORIGIN",
    };
    println!("cargo::rustc-link-arg-bins=-Wl,-rpath,{folder}");
}

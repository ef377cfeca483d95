//! The web files are embedded into release builds; a build without them embeds none.

fn main() {
    println!("cargo::rerun-if-env-changed=CHAOSENGINE_SITE");
    let site = std::env::var("CHAOSENGINE_SITE").unwrap_or_else(|_| "../target/site".to_owned());
    let site = std::path::absolute(&site).unwrap_or_else(|_| site.into());
    // Failing is fine: where the folder cannot be made, embedding it says so.
    _ = std::fs::create_dir_all(&site);
    println!("cargo::rerun-if-changed={}", site.display());
    println!("cargo::rustc-env=CHAOSENGINE_SITE_FOLDER={}", site.display());
}

//! The web files are embedded into release builds; a build without them embeds none. A program for others finds its libraries
//! in the folder `lib` beside it.

fn main() {
    link_libraries_beside();
    println!("cargo::rerun-if-env-changed=CHAOSENGINE_SITE");
    let site = std::env::var("CHAOSENGINE_SITE").unwrap_or_else(|_| "../target/site".to_owned());
    let site = std::path::absolute(&site).unwrap_or_else(|_| site.into());
    // Failing is fine: where the folder cannot be made, embedding it says so.
    _ = std::fs::create_dir_all(&site);
    println!("cargo::rerun-if-changed={}", site.display());
    println!("cargo::rustc-env=CHAOSENGINE_SITE_FOLDER={}", site.display());
}

/// What the libraries need of each other is looked for there, too, which the older of the two kinds of tags says. Windows looks
/// beside the program by itself.
fn link_libraries_beside() {
    if std::env::var_os("CARGO_FEATURE_DYNAMIC_BACKENDS").is_none() {
        return;
    }
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => println!("cargo::rustc-link-arg-bins=-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib"),
        Ok("macos") => println!("cargo::rustc-link-arg-bins=-Wl,-rpath,@executable_path/lib"),
        _ => {}
    }
}

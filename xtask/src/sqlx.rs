//! The verb `sqlx`: renews the offline data with which the SQL queries are checked where there is no database.

use std::fs;

use crate::fail::{About, Result};
use crate::run::{self, Run};
use crate::setup::{Package, install};
use crate::{paths, say};

const SQLITE: Package =
    Package { what: "sqlite3", apt: "sqlite3", dnf: "sqlite", brew: "sqlite", winget: "SQLite.SQLite" };

/// Makes a database from the migrations, lets the query macros ask it, and keeps what they learned in `.sqlx`.
pub(crate) fn prepare() -> Result<()> {
    if run::find("sqlite3").is_none() {
        install(&SQLITE)?;
    }
    let database = paths::fresh("sqlx")?.join("schema.sqlite");
    let migrations = paths::root().join("migrations");
    let mut files: Vec<_> =
        fs::read_dir(&migrations).about(&migrations)?.flatten().map(|it| it.path()).collect();
    files.sort();
    for file in &files {
        let read = format!(".read '{}'", file.display());
        Run::new("sqlite3").arg("-bail").arg(&database).arg(read).run()?;
    }
    let kept = paths::root().join(".sqlx");
    if kept.exists() {
        fs::remove_dir_all(&kept).about(&kept)?;
    }
    fs::create_dir_all(&kept).about(&kept)?;
    // The macros only speak when their crate is compiled, so that must happen even if nothing changed.
    let library = paths::root().join("server").join("store").join("src").join("lib.rs");
    let file = fs::File::options().append(true).open(&library).about(&library)?;
    file.set_modified(std::time::SystemTime::now()).about(&library)?;
    say::step("checking every query against the schema", || {
        Run::cargo()
            .args(["check", "--quiet", "--package", "store"])
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", &kept)
            .env("DATABASE_URL", format!("sqlite://{}", database.display()))
            .run()
    })?;
    let n_queries = fs::read_dir(&kept).about(&kept)?.count();
    say::line(&format!("{n_queries} queries described in .sqlx"));
    Ok(())
}

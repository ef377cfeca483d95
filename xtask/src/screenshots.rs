//! The verb `screenshots`: renews the pictures of the README, which a person looks at before they are committed.

use crate::fail::Result;
use crate::frontend::{self, Kind};
use crate::run::Run;
use crate::{paths, say, server, setup};

/// Takes them of a release site that a debug binary serves.
pub(crate) fn screenshots() -> Result<()> {
    let wasm = setup::for_serving()?;
    let chromium = setup::a_browser()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build(false, |run| run)?;
    let (model, encoder) = (server::test_model(&binary)?, server::test_encoder()?);
    say::step("pictures of the README", || {
        Run::new("npx")
            .args(["--no-install", "playwright", "test", "--config", "playwright.screenshots.config.ts"])
            .env("CHROMIUM_PATH", &chromium)
            .env("CHAOSENGINE_BIN", &binary)
            .env("CHAOSENGINE_SITE", paths::site())
            .env("CHAOSENGINE_TEST_MODEL", &model)
            .env("CHAOSENGINE_TEST_ENCODER", &encoder)
            .env("CHAOSENGINE_END2END_DATA", paths::fresh("screenshots-data")?)
            .dir(&paths::root().join("end2end"))
            .run()
    })
}

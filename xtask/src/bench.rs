//! The verb `bench`: what this product can do on this machine, measured the same way every time.

mod lighthouse;
mod load;
mod machine;
mod models;
mod pages;
mod search;
mod start;
mod text;

use crate::args::Bench;
use crate::fail::Result;

/// Runs one measurement.
pub(crate) fn bench(chosen: &Bench) -> Result<()> {
    match chosen {
        Bench::Text(only) => text::text(only.as_deref()),
        Bench::Start => start::start(),
        Bench::Lighthouse => lighthouse::lighthouse(),
        Bench::Search => search::search(),
        Bench::Pages => pages::pages(),
        Bench::Models => models::models(),
    }
}

//! How well questions about this product's manuals find their answers, and how long searching takes.

use super::machine::describe;
use crate::fail::{About, Result};
use crate::run::Run;
use crate::{paths, say, server, setup};

/// Measures the release binary with the test encoder, and the test model to rank, and writes the table.
pub(super) fn search() -> Result<()> {
    setup::for_serving()?;
    let binary = server::build(true, |run| run)?;
    let data = server::data_with_encoder("bench-search", &server::test_encoder()?)?;
    let model = server::test_model(&binary)?;
    server::add_model(&data, &model)?;
    let ranker = model.file_stem().unwrap_or_default();
    let questions = paths::root().join("xtask").join("data").join("questions.tsv");
    let manuals = paths::root().join("docs");
    let figures = Run::new(&binary)
        .args(["measure", "search"])
        .arg(&questions)
        .arg(&manuals)
        .arg(ranker)
        .env("CHAOSENGINE_HOME", &data)
        .output()?;
    let table = format!(
        "# Searching documents\n\n{}.\n`cargo xtask bench search` measures this. The documents are the manuals in `docs/`, the questions \
         `xtask/data/questions.tsv`, both of this repository and under its licence; meanings are compared with vectors by \
         all-MiniLM-L6-v2, and the best 24 passages are ranked by {}, which was not made for that: by how likely the question is behind \
         each. A question is answered by a passage that has the words that stand beside it.\n\n```text\n{}\n```",
        describe(),
        ranker.display(),
        figures.trim_end(),
    );
    say::line(&table);
    let file = paths::root().join("docs").join("benchmarks").join("search.md");
    std::fs::write(&file, table + "\n").about(&file)
}

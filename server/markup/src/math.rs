//! LaTeX math to MathML, which browsers lay out themselves.

use crate::escape;
use pulldown_latex::{Parser, RenderConfig, Storage, config::DisplayMode, push_mathml};

/// Longer formulas are shown as source.
const MAX_FORMULA_BYTES: usize = 10_000;

const LIMITS: [&str; 6] = ["msub", "msup", "msubsup", "munder", "mover", "munderover"];
const FUNCTION_SPACE: &str = "<mspace width=\"0.1667em\" />";

/// The formula as MathML; its source, marked, where it cannot be read.
pub(crate) fn to_mathml(latex: &str, is_block: bool) -> String {
    mathml(latex, is_block).unwrap_or_else(|| format!("<code class=\"math-error\">{}</code>", escape(latex)))
}

fn mathml(latex: &str, is_block: bool) -> Option<String> {
    if latex.len() > MAX_FORMULA_BYTES {
        return None;
    }
    let storage = Storage::new();
    let events = Parser::new(latex, &storage).collect::<Result<Vec<_>, _>>().ok()?;
    let display_mode = if is_block { DisplayMode::Block } else { DisplayMode::Inline };
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut html = String::new();
    push_mathml(&mut html, events.into_iter().map(Ok::<_, std::fmt::Error>), config).ok()?;
    Some(spaces_outside(html))
}

/// The library writes the space before a function's name inside the element that holds its limits, where it takes
/// the place of the name: `<msub>` has two children, and the first is the base.
fn spaces_outside(html: String) -> String {
    LIMITS.iter().fold(html, |html, element| {
        html.replace(&format!("<{element}>{FUNCTION_SPACE}"), &format!("{FUNCTION_SPACE}<{element}>"))
    })
}

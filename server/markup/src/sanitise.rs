//! The one place that decides which HTML may be shown.

use crate::code::CLASSES;
use ammonia::{Builder, UrlRelative};
use std::sync::LazyLock;

const TEXT_TAGS: &[&str] = &[
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
    "span",
];
/// Ours: code blocks with a copy button, tasks.
const OWN_TAGS: &[&str] = &["button", "figcaption", "figure", "input"];
/// MathML Core, <https://www.w3.org/TR/mathml-core/>, without what links or embeds.
const MATH_TAGS: &[&str] = &[
    "math",
    "menclose",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
    "semantics",
];
const MATH_ATTRIBUTES: &[&str] = &[
    "accent",
    "accentunder",
    "columnalign",
    "columnlines",
    "columnspacing",
    "depth",
    "dir",
    "display",
    "displaystyle",
    "fence",
    "form",
    "height",
    "largeop",
    "linethickness",
    "lspace",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "notation",
    "rowspacing",
    "rspace",
    "scriptlevel",
    "separator",
    "stretchy",
    "symmetric",
    "voffset",
    "width",
    "xmlns",
];

static POLICY: LazyLock<Builder<'static>> = LazyLock::new(policy);

/// Drops everything that is not on the lists; scripts and styles with their content.
pub fn sanitise(html: &str) -> String {
    POLICY.clean(html).to_string()
}

#[expect(clippy::disallowed_methods, reason = "this is the module that sanitises")]
fn policy() -> Builder<'static> {
    let mut policy = Builder::empty();
    policy
        .tags([TEXT_TAGS, OWN_TAGS, MATH_TAGS].into_iter().flatten().copied().collect())
        .clean_content_tags(["script", "style", "template", "textarea", "title", "iframe", "noscript"].into())
        .url_schemes(["http", "https", "mailto"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .add_tag_attributes("a", ["href", "title"])
        .set_tag_attribute_value("a", "target", "_blank")
        .add_tag_attributes("ol", ["start"])
        .add_tag_attributes("figure", ["data-language"])
        .add_tag_attribute_values("th", "align", ["center", "right"])
        .add_tag_attribute_values("td", "align", ["center", "right"])
        .add_tag_attribute_values("button", "type", ["button"])
        .add_tag_attribute_values("button", "data-action", ["copy"])
        .add_tag_attribute_values("input", "type", ["checkbox"])
        .add_tag_attribute_values("input", "checked", [""])
        .add_tag_attribute_values("input", "aria-label", ["[x]", "[ ]"])
        .set_tag_attribute_value("input", "disabled", "")
        .add_allowed_classes("figure", ["code"])
        .add_allowed_classes("code", ["math-error"])
        .add_allowed_classes("span", CLASSES.iter().copied());
    for tag in MATH_TAGS {
        policy.add_tag_attributes(*tag, MATH_ATTRIBUTES);
    }
    policy
}

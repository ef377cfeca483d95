use super::{BlockStream, render};
use expect_test::{Expect, expect};

#[track_caller]
fn check(markdown: &str, expected: Expect) {
    expected.assert_eq(&render(markdown).join("\n---\n"));
}

/// The words a hostile text would need; none may survive outside of escaped text.
#[track_caller]
fn check_harmless(markdown: &str) {
    let html = render(markdown).concat();
    for tag in html.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        let tag = tag.to_lowercase();
        for word in ["script", "iframe", "style", "svg", "img", "object", "form", "details"] {
            assert!(!tag.starts_with(word), "<{tag}> in {html}");
        }
        for part in [" on", "javascript:", "data:", " style", " src"] {
            assert!(!tag.contains(part), "{part} in <{tag}> in {html}");
        }
    }
}

#[test]
fn paragraphs_are_blocks() {
    check(
        "one *two*\n\nthree",
        expect![[r#"
        <p>one <em>two</em></p>

        ---
        <p>three</p>
    "#]],
    );
}

#[test]
fn tables_lists_and_tasks() {
    check(
        "| a | b |\n|---|--:|\n| 1 | 2 |\n\n1. x\n2. y\n\n- [x] done\n- [ ] open",
        expect![[r#"
            <table><thead><tr><th>a</th><th align="right">b</th></tr></thead><tbody>
            <tr><td>1</td><td align="right">2</td></tr>
            </tbody></table>

            ---
            <ol>
            <li>x</li>
            <li>y</li>
            </ol>

            ---
            <ul>
            <li><input type="checkbox" checked="" aria-label="[x]" disabled=""> done</li>
            <li><input type="checkbox" aria-label="[ ]" disabled=""> open</li>
            </ul>
        "#]],
    );
}

#[test]
fn code_is_highlighted_with_classes() {
    check(
        "```rust\nlet x = \"<b>\"; // hi\n```",
        expect![[r#"
        <figure class="code" data-language="rust"><figcaption><span>rust</span><button type="button" data-action="copy"></button></figcaption><pre><code><span class="hl-keyword">let</span> x <span class="hl-operator">=</span> <span class="hl-string">"</span><span class="hl-string">&lt;b&gt;</span><span class="hl-string">"</span>; <span class="hl-comment">//</span><span class="hl-comment"> hi
        </span></code></pre></figure>"#]],
    );
}

#[test]
fn an_unclosed_fence_is_code() {
    check(
        "```python\nprint(1)",
        expect![[
            r#"<figure class="code" data-language="python"><figcaption><span>python</span><button type="button" data-action="copy"></button></figcaption><pre><code><span class="hl-function">print</span>(<span class="hl-number">1</span>)</code></pre></figure>"#
        ]],
    );
}

#[test]
fn math_becomes_mathml_and_bad_math_stays_source() {
    check(
        "$x^2$ and \\(y\\)",
        expect![[r#"
        <p><math display="inline"><msup><mi>x</mi><mn>2</mn></msup></math> and <math display="inline"><mi>y</mi></math></p>
    "#]],
    );
    check(
        "$n \\log_2 n$",
        expect![[r#"
        <p><math display="inline"><mi>n</mi><mspace width="0.1667em"></mspace><msub><mi>log</mi><mn>2</mn></msub><mo>⁡</mo><mspace width="0.1667em"></mspace><mi>n</mi></math></p>
    "#]],
    );
    check(
        "$\\frac{1}$",
        expect![[r#"
        <p><code class="math-error">\frac{1}</code></p>
    "#]],
    );
}

#[test]
fn raw_html_is_text_and_images_are_links() {
    check(
        "a <b>bold</b> ![alt](https://example.org/x.png)",
        expect![[r#"
        <p>a &lt;b&gt;bold&lt;/b&gt; <a href="https://example.org/x.png" target="_blank" rel="noopener noreferrer nofollow">alt</a></p>
    "#]],
    );
}

#[test]
fn links_leave_safely_or_not_at_all() {
    check(
        "[a](https://example.org) [b](javascript:alert(1)) [c](/relative)",
        expect![[r#"
        <p><a href="https://example.org" target="_blank" rel="noopener noreferrer nofollow">a</a> <a target="_blank" rel="noopener noreferrer nofollow">b</a> <a target="_blank" rel="noopener noreferrer nofollow">c</a></p>
    "#]],
    );
}

#[test]
fn hostile_content_does_nothing() {
    for text in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](javascript:alert(1))",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
        "$\\text{<img src=x onerror=alert(1)>}$",
        "$\\href{javascript:alert(1)}{x}$",
        "```\"><script>alert(1)</script>\nx\n```",
        "```html\n<script>alert(1)</script>\n```",
        "`<script>alert(1)</script>`",
        "<details open ontoggle=alert(1)>",
        "<style>*{background:url(//evil)}</style>",
        "<form action=//evil><input name=x></form>",
        "[a]: javascript:alert(1)\n\n[a]",
        "<https://example.org/\" onclick=\"alert(1)>",
        "| <script>alert(1)</script> |\n|---|\n| x |",
    ] {
        check_harmless(text);
    }
}

#[test]
fn a_growing_text_repaints_only_its_end() {
    let mut stream = BlockStream::default();
    assert_eq!(stream.update("one"), (0, vec!["<p>one</p>\n".to_owned()]));
    // The blank line after it belongs to no block.
    let (first, _) = stream.update("one\n\n");
    assert!(first <= 1);
    assert_eq!(stream.update("one\n\ntwo").1.last().map(String::as_str), Some("<p>two</p>\n"));
    assert_eq!(stream.update("one\n\ntwo three"), (1, vec!["<p>two three</p>\n".to_owned()]));
    assert_eq!(stream.update("one\n\ntwo three"), (2, vec![]));
}

#[test]
fn growing_ends_as_rendering_at_once() {
    let text = "# Title\n\nSome *text* with `code`.\n\n- a\n- b\n\n```rs\nfn f() {}\n```\n\n$$x$$ end";
    let mut stream = BlockStream::default();
    let mut shown: Vec<String> = Vec::new();
    for end in text.char_indices().map(|(at, c)| at + c.len_utf8()) {
        let (first, blocks) = stream.update(&text[..end]);
        shown.truncate(first);
        shown.extend(blocks);
    }
    assert_eq!(shown, render(text));
}

#[test]
fn a_megabyte_of_marks_ends() {
    for mark in ["[", ">", "*", "$", "`", "<", "- ", "> - ", "\\(", "|", "_a", "[a](", "![", "# ", "<a "] {
        let text = mark.repeat(380_000 / mark.len());
        assert!(!render(&text).is_empty() || text.trim().is_empty(), "{mark}");
    }
    assert_eq!(render(&"x".repeat(1_000_000)).len(), 1);
}

use super::*;
use std::time::{Duration, Instant};

fn found(html: &str) -> Readable {
    read(html, &Url::parse("https://example.com/a/b.html").unwrap())
}

#[track_caller]
fn check(html: &str, expected: &str) {
    assert_eq!(found(html).text, expected);
}

#[test]
fn structure_is_kept_and_space_is_not() {
    check("<h1>One\n two</h1><p>A <b>bold</b>\n\n word.</p><p>Next", "# One two\n\nA bold word.\n\nNext");
    check("<ul><li>a<li><p>b</p></li><li></li></ul>end", "- a\n- b\n\nend");
    check("<table><tr><th>x<th>y</tr><tr><td>1</td><td>2</td></tr></table>", "x | y\n1 | 2");
    check("a<br>b<div>c</div><hr>d", "a\nb\nc\n\nd");
    check("x &lt;b&gt; &amp;amp; &auml;", "x <b> &amp; ä");
    check("<pre>\nlet a = 1;\n  b\n</pre>after", "```\nlet a = 1;\n  b\n```\n\nafter");
}

#[test]
fn links_lead_somewhere() {
    check(r#"see <a href="../c">the <i>page</i></a>."#, "see [the page](https://example.com/c).");
    check(
        r##"<a href="#top">up</a> <a href="javascript:x()">do</a> <a href="mailto:a@b">mail</a>"##,
        "up do mail",
    );
    check(r#"<a href="/x"><img src="y"></a>t"#, "t");
    check(&format!(r#"<a href="/{}">long</a>"#, "x".repeat(400)), "long");
}

#[test]
fn what_is_not_for_reading_is_left_out() {
    check(
        "<script>if (a < b) { '<p>no</p>' }</script>yes<style>p{}</style><svg><text>no</text></svg>",
        "yes",
    );
    check("<nav><ul><li>menu</li></ul></nav>text<footer>imprint</footer>", "text");
    check("<nav>only <nav>menus</nav></nav>", "only menus");
    check("<!-- no --><noscript>no</noscript>yes", "yes");
}

#[test]
fn the_main_part_is_enough_where_there_is_one() {
    let long = "word ".repeat(60);
    check(&format!("<div>cookies</div><main><p>{long}</p></main><div>ads</div>"), long.trim());
    check("<div>around</div><main>short</main>", "around\n\nshort");
    let two = format!("x<article>{long}</article>y<article>{long}</article>");
    check(&two, &format!("{0}\n\n{0}", long.trim()));
    check(&format!("x<main>{long}"), long.trim());
}

#[test]
fn a_title_is_one_line() {
    let page = found("<head><title> A\n &amp; B </title></head><body>x<svg><title>no</title></svg>");
    assert_eq!((page.title.as_str(), page.text.as_str()), ("A & B", "x"));
    assert_eq!(plain("a <strong>b</strong> &quot;c&quot;"), "a b \"c\"");
}

#[test]
fn hostile_pages_take_no_more_than_others() {
    let started = Instant::now();
    for html in [
        "<div>".repeat(50_000),
        "<a href=x>y".repeat(20_000),
        "<main>".repeat(50_000),
        "<pre>".repeat(50_000),
        "</div></main></a></pre></nav>".repeat(50_000),
        format!("<p{}>", " a=b".repeat(20_000)),
        "<".repeat(200_000),
        "&".repeat(200_000),
        format!("<!--{}", "-".repeat(200_000)),
        format!("<title>{}", "x".repeat(200_000)),
    ] {
        let page = found(&html);
        assert!(page.title.len() <= 300 && page.text.len() < 4 << 20);
    }
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

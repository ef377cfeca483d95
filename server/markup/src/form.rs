//! A JSON document as people read it: names beside values, lists, and tables where objects are alike.

use serde_json::{Map, Value};

/// Larger documents are shown as they are.
const MAX_NODES: usize = 2_000;
const MAX_DEPTH: usize = 8;
/// Wider tables are lists.
const MAX_COLUMNS: usize = 8;

/// An answer that is a JSON object or array: as a form, and behind it as it was written. `None` where it is neither, or too large.
pub fn render_form(text: &str) -> Option<Vec<String>> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let is_form = value.is_object() || value.is_array();
    if !is_form || depth(&value) > MAX_DEPTH || n_nodes(&value) > MAX_NODES {
        return None;
    }
    let form = format!("<div class=\"form-view\">{}</div>", element(&value));
    let pretty = serde_json::to_string_pretty(&value).ok()?;
    let source = crate::render(&fenced(&pretty)).concat();
    Some(vec![form, format!("<details class=\"form-source\"><summary>JSON</summary>{source}</details>")])
}

/// Text that is to become JSON, as code.
pub fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}json\n{text}\n{fence}")
}

fn n_nodes(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(n_nodes).sum::<usize>(),
        Value::Array(values) => 1 + values.iter().map(n_nodes).sum::<usize>(),
        _ => 1,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or_default(),
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn element(value: &Value) -> String {
    match value {
        Value::Null => "<span class=\"form-none\">–</span>".to_owned(),
        Value::Bool(true) => "✓".to_owned(),
        Value::Bool(false) => "✗".to_owned(),
        Value::Number(number) => crate::escape(&number.to_string()),
        Value::String(text) => crate::escape(text).replace('\n', "<br>"),
        Value::Object(fields) => object(fields),
        Value::Array(values) => array(values),
    }
}

fn object(fields: &Map<String, Value>) -> String {
    let row = |(name, value): (&String, &Value)| {
        format!("<dt>{}</dt><dd>{}</dd>", crate::escape(name), element(value))
    };
    format!("<dl>{}</dl>", fields.iter().map(row).collect::<String>())
}

fn array(values: &[Value]) -> String {
    if let Some(table) = table(values) {
        return table;
    }
    let row = |value: &Value| format!("<li>{}</li>", element(value));
    format!("<ul>{}</ul>", values.iter().map(row).collect::<String>())
}

/// Objects with the same few names as a table.
fn table(values: &[Value]) -> Option<String> {
    let objects: Vec<_> = values.iter().map(Value::as_object).collect::<Option<_>>()?;
    let (first, others) = objects.split_first()?;
    let names: Vec<&String> = first.keys().collect();
    let is_alike = |object: &&Map<String, Value>| {
        object.len() == names.len() && names.iter().all(|it| object.contains_key(*it))
    };
    if others.is_empty() || names.is_empty() || names.len() > MAX_COLUMNS || !others.iter().all(is_alike) {
        return None;
    }
    let head: String =
        names.iter().map(|name| format!("<th scope=\"col\">{}</th>", crate::escape(name))).collect();
    let row = |object: &&Map<String, Value>| {
        let cells = names.iter().map(|name| object.get(*name).map(element).unwrap_or_default());
        format!("<tr>{}</tr>", cells.map(|cell| format!("<td>{cell}</td>")).collect::<String>())
    };
    let rows: String = objects.iter().map(row).collect();
    Some(format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let form = render_form(json).map(|blocks| blocks[0].clone());
        let expected = (!expected.is_empty()).then(|| format!("<div class=\"form-view\">{expected}</div>"));
        assert_eq!(form, expected);
    }

    #[test]
    fn names_stand_beside_values_and_nothing_of_it_is_html() {
        check(
            r#"{"a<b": "x & <script>", "n": 1.5}"#,
            "<dl><dt>a&lt;b</dt><dd>x &amp; &lt;script&gt;</dd><dt>n</dt><dd>1.5</dd></dl>",
        );
        check(
            r#"{"is": true, "no": null}"#,
            "<dl><dt>is</dt><dd>✓</dd><dt>no</dt><dd><span class=\"form-none\">–</span></dd></dl>",
        );
        check(r#"["a\nb", [1]]"#, "<ul><li>a<br>b</li><li><ul><li>1</li></ul></li></ul>");
    }

    #[test]
    fn objects_that_are_alike_are_a_table() {
        let head = "<table><thead><tr><th scope=\"col\">a</th></tr></thead><tbody>";
        check(
            r#"[{"a": 1}, {"a": "x"}]"#,
            &format!("{head}<tr><td>1</td></tr><tr><td>x</td></tr></tbody></table>"),
        );
        check(
            r#"[{"a": 1}, {"b": 2}]"#,
            "<ul><li><dl><dt>a</dt><dd>1</dd></dl></li><li><dl><dt>b</dt><dd>2</dd></dl></li></ul>",
        );
    }

    #[test]
    fn what_is_no_form_or_too_large_is_none() {
        check("so", "");
        check("12", "");
        check(&format!("{}1{}", "[".repeat(50), "]".repeat(50)), "");
        check(&format!("[{}1]", "1,".repeat(3000)), "");
    }

    #[test]
    fn the_source_cannot_leave_its_code() {
        let blocks = render_form(r#"{"a": "```\n<img src=x>"}"#).unwrap();
        assert!(!blocks.concat().contains("<img"));
        assert_eq!(fenced("`` ```"), "````json\n`` ```\n````");
    }
}

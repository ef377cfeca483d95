use super::*;

const CHATML: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
    {{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}\
    {{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
    {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

fn turns(conversation: &[(Role, &str)]) -> Vec<ChatTurn> {
    conversation.iter().map(|&(role, content)| ChatTurn::new(role, content)).collect()
}

fn check(source: &str, conversation: &[(Role, &str)], expected: &str) {
    let template = Template::new(Some(source.into()), "<s>".into(), "</s>".into());
    let given = template
        .render(&turns(conversation), &Values::default())
        .unwrap_or_else(|error| format!("error: {error}"));
    assert_eq!(given, expected);
}

const HELLO: &[(Role, &str)] = &[(Role::User, "Hello <b>")];

#[test]
fn chatml_opens_the_assistants_turn() {
    check(
        CHATML,
        HELLO,
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello <b><|im_end|>\n<|im_start|>assistant\n",
    );
    check(
        CHATML,
        &[(Role::System, "S"), (Role::User, "U"), (Role::Assistant, "A"), (Role::User, "V")],
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n\
         <|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n",
    );
}

#[test]
fn blocks_leave_no_blank_lines() {
    check(
        "{% for m in messages %}\n  {% if true %}\n{{ m.content }}\n  {% endif %}\n{% endfor %}\n",
        HELLO,
        "Hello <b>\n",
    );
}

#[test]
fn python_methods_and_slices_work() {
    check("{{ messages[0].content.split(' ')[-1].strip('<>').upper() }}", HELLO, "B");
    check("{{ messages[1:] | length }}{{ messages[0]['content'].startswith('He') }}", HELLO, "0True");
    check(
        "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
        HELLO,
        "1",
    );
}

#[test]
fn tokens_tools_and_loop_controls_are_there() {
    check(
        "{{ bos_token }}{% if tools %}T{% endif %}{{ tools is none }}{{ eos_token }}",
        HELLO,
        "<s>True</s>",
    );
    check(
        "{% for m in messages %}{% if loop.index0 == 0 %}{% continue %}{% endif %}x{% endfor %}",
        HELLO,
        "",
    );
    check("{{ unknown_thing }}{{ messages[0].tool_calls is defined }}", HELLO, "False");
}

#[test]
fn json_is_not_escaped_for_html() {
    check("{{ messages[0].content | tojson }}", HELLO, "\"Hello <b>\"");
}

#[test]
fn marks_for_training_are_ignored() {
    check("a {% generation %}b{%- endgeneration -%} c {% if true %}d{% endif %}", HELLO, "a bc d");
}

#[test]
fn what_a_template_raises_is_said() {
    check("{{ raise_exception('roles must alternate') }}", HELLO, "error: roles must alternate");
}

#[test]
fn a_template_that_does_not_parse_says_so_at_every_use() {
    let template = Template::new(Some("{% for %}".into()), String::new(), String::new());
    assert!(
        template.render(&turns(HELLO), &Values::default()).is_err_and(|error| error.contains("syntax error"))
    );
}

#[test]
fn a_template_without_end_is_ended() {
    let source = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    let template = Template::new(Some(source.into()), String::new(), String::new());
    assert!(template.render(&turns(HELLO), &Values::default()).is_err_and(|error| error.contains("fuel")));
}

#[test]
fn without_a_template_turns_have_names() {
    let template = Template::new(None, String::new(), String::new());
    let given = template.render(
        &turns(&[(Role::System, "S"), (Role::User, "U"), (Role::Assistant, "A\n")]),
        &Values::default(),
    );
    assert_eq!(given.expect("plain"), "System: S\nUser: U\nAssistant: A\nAssistant:");
    assert!(template.stops().contains(&"\nUser:".to_owned()));
}

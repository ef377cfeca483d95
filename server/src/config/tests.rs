use super::{Action, Amount, ApprovalTime, DEFAULT_MODEL_MEMORY, parse_args};
use lexopt::Parser;
use std::time::Duration;

/// Parses `args` with an environment; shows what matters.
fn read(args: &[&str], env: &[(&str, &str)]) -> String {
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
    match parse_args(Parser::from_args(args), &env) {
        Ok(Action::Serve(config)) => {
            format!("serve {}:{} model={:?}", config.host, config.port, config.model)
        }
        Ok(Action::FetchStarter(config)) => format!("fetch into {:?}", config.data_dir),
        Ok(Action::MeasureKv { model, config }) => format!("measure {model} in {:?}", config.data_dir),
        Ok(other) => format!("{other:?}"),
        Err(err) => format!("error: {err}"),
    }
}

#[track_caller]
fn check(args: &[&str], expected: &str) {
    assert_eq!(read(args, &[]), expected);
}

#[test]
fn serving_this_machine_is_the_default() {
    check(&[], "serve 127.0.0.1:8876 model=None");
    check(&["serve", "--lan", "--port", "9000"], "serve 0.0.0.0:9000 model=None");
    check(&["--model", "tiny.gguf"], "serve 127.0.0.1:8876 model=Some(\"tiny.gguf\")");
}

#[test]
fn other_commands() {
    check(&["worker"], "Worker");
    check(&["--help"], "Help");
    check(&["-V"], "Version");
    check(&["measure", "kv", "tiny", "--data-dir", "d"], "measure tiny in Some(\"d\")");
    check(&["fetch-starter", "--data-dir", "d"], "fetch into Some(\"d\")");
}

#[test]
fn wrong_arguments_are_named() {
    check(&["bake"], "error: “bake” is no command; see chaosengine --help");
    check(&["--port", "many"], "error: cannot parse argument \"many\": invalid digit found in string");
    check(&["--frobnicate"], "error: invalid option '--frobnicate'");
}

#[test]
fn arguments_win_over_the_environment() {
    let env = [("CHAOSENGINE_PORT", "9001"), ("CHAOSENGINE_LAN", "1")];
    assert_eq!(read(&[], &env), "serve 0.0.0.0:9001 model=None");
    assert_eq!(read(&["--port", "9002"], &env), "serve 0.0.0.0:9002 model=None");
    assert_eq!(read(&[], &[("CHAOSENGINE_PORT", "x")]), "error: CHAOSENGINE_PORT cannot be “x”");
    assert_eq!(read(&[], &[("CHAOSENGINE_CONTEXT", "-1")]), "error: CHAOSENGINE_CONTEXT cannot be “-1”");
}

#[test]
fn an_amount_is_a_size_or_a_share() {
    let bytes = |text: &str| text.parse::<Amount>().map(|memory| memory.bytes(20_000_000_000));
    assert_eq!(bytes("8G"), Ok(8_000_000_000));
    assert_eq!(bytes("500M"), Ok(500_000_000));
    assert_eq!(bytes("60%"), Ok(12_000_000_000));
    assert_eq!(DEFAULT_MODEL_MEMORY.bytes(20_000_000_000), 14_000_000_000);
    for wrong in ["", "8", "G", "8K", "-1G", "2000%", "99999999999999999999G", "é"] {
        assert_eq!(bytes(wrong), Err(format!("“{wrong}” is no size such as 8G, 500M or 60%")));
    }
    let env = [("CHAOSENGINE_MODEL_MEMORY", "much")];
    assert_eq!(read(&[], &env), "error: CHAOSENGINE_MODEL_MEMORY cannot be “much”");
}

#[test]
fn questions_wait_from_a_second_to_a_day() {
    let seconds = |text: &str| text.parse::<ApprovalTime>().map(|time| time.0);
    assert_eq!(seconds("1"), Ok(Duration::from_secs(1)));
    assert_eq!(seconds("90s"), Ok(Duration::from_secs(90)));
    assert_eq!(seconds("24h"), Ok(Duration::from_secs(24 * 60 * 60)));
    for wrong in ["", "0", "25h", "-1", "soon"] {
        let expected = format!("“{wrong}” is no time from a second to a day, such as 90s, 10m or 2h");
        assert_eq!(seconds(wrong), Err(expected));
    }
    let env = [("CHAOSENGINE_APPROVAL_TIME", "0s")];
    assert_eq!(read(&[], &env), "error: CHAOSENGINE_APPROVAL_TIME cannot be “0s”");
}

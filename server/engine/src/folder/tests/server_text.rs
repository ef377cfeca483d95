//! What the server itself wrote serves everybody, and nothing behind it does.

use super::{Answer, Ask, Family, Form, Tenant, Worker, ask, by_candle, essence};
use protocol::ServerText;

/// The server's words.
fn rules() -> String {
    "the sea and the land. ".repeat(8)
}

/// The server's words, and then a tenant's.
fn question(tenant: i64, text: &str) -> Ask {
    let mut ask = ask(&(rules() + text));
    ask.params.tenant = Tenant(tenant);
    ask.params.server_text = Some(ServerText { n_bytes: rules().len(), has_tools: false });
    ask.params.sampling.max_tokens = Some(4);
    ask
}

fn start() -> Worker {
    by_candle(Family::Qwen3, Form::default())
}

/// What was answered in a worker of its own.
fn alone(ask: &Ask) -> Answer {
    let mut worker = start();
    let answer = worker.only_answer(ask);
    worker.end();
    answer
}

#[test]
fn what_the_server_wrote_is_computed_once_for_everybody() {
    let asks = [question(1, "a cat"), question(2, "the dog"), question(3, "a cat")];
    let expected = asks.each_ref().map(alone);
    let n_cached =
        |answers: &[Answer]| answers.iter().map(|it| it.usage().n_cached_tokens).collect::<Vec<_>>();
    let check = |answers: &[Answer], n_cached: &[u32]| {
        answers.iter().zip(&expected).for_each(|(it, expected)| assert_eq!(essence(it), essence(expected)));
        let n_rules = n_cached[1];
        assert!(n_rules > 32 && n_cached == [0, n_rules, n_rules], "{n_cached:?}");
        // Whatever else somebody asked before is nobody's.
        assert!(n_rules + 1 < answers[2].usage().n_prompt_tokens);
    };
    let mut worker = start();
    let one_by_one: Vec<_> = asks.iter().map(|ask| worker.only_answer(ask)).collect();
    worker.end();
    check(&one_by_one, &n_cached(&one_by_one));
    let mut worker = start();
    let together = worker.answers(&asks);
    worker.end();
    check(&together, &n_cached(&together));
    assert_eq!(n_cached(&together), n_cached(&one_by_one));
}

#[test]
fn without_such_words_nothing_is_shared() {
    let mut worker = start();
    for tenant in 1..4 {
        let ask = Ask {
            params: super::GenerateParams { server_text: None, ..question(tenant, "a cat").params },
            ..question(tenant, "a cat")
        };
        assert_eq!(worker.only_answer(&ask).usage().n_cached_tokens, 0);
    }
    worker.end();
}

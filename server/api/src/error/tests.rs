use super::*;

#[track_caller]
fn check(err: impl Into<ApiError>, status: u16, code: &str, may_ask_again: bool) {
    let response = err.into();
    assert_eq!(response.code, code);
    let response = response.into_response();
    assert_eq!(response.status(), status);
    assert_eq!(response.headers().contains_key(RETRY_AFTER), may_ask_again);
}

#[test]
fn a_model_that_left_may_be_asked_again() {
    check(EngineError::Unloaded, 503, "model_unloaded", true);
    check(EngineError::LoadCancelled, 503, "model_unloaded", true);
    check(ModelsError::Engine(EngineError::LoadCancelled), 503, "model_unloaded", true);
}

#[test]
fn a_model_that_cannot_be_used_is_not_the_servers_fault() {
    let broken = ModelsError::Broken { path: "a.gguf".into(), problem: "it ends early".into() };
    check(broken, 400, "model_broken", false);
}

use super::*;

#[track_caller]
fn check(failure: impl Into<CallFailure>, expected: &str) {
    assert_eq!(failure.into().written(), expected);
}

#[test]
fn what_went_wrong_on_the_way_to_a_host_names_the_host() {
    let (host, after) = ("a.test".to_owned(), Duration::from_secs(25));
    check(&EgressError::Address("ftp://x".to_owned()), "no_address 0 ftp://x");
    check(&EgressError::Credentials, "credentials");
    check(&EgressError::Private(host.clone()), "private_host 0 a.test");
    check(&EgressError::NoSuchHost(host.clone()), "no_such_host 0 a.test");
    check(&EgressError::Unreachable(host.clone()), "unreachable 0 a.test");
    check(&EgressError::Status { host: host.clone(), status: 503 }, "host_status 503 a.test");
    check(&EgressError::Redirects(host.clone()), "redirected 0 a.test");
    check(&EgressError::Cut(host.clone()), "cut_off 0 a.test");
    check(&EgressError::TimedOut { host, after }, "host_timed_out 25 a.test");
}

#[track_caller]
fn check_expression(expression: &str, expected: &str) {
    check(&crate::evaluate(expression).unwrap_err(), expected);
}

#[test]
fn what_cannot_be_calculated_names_what_is_in_the_way() {
    check_expression("1 + nothing", "calculation_unknown 0 nothing");
    check_expression("1 / 0", "calculation_zero");
    check_expression("1 $ 2", "calculation_unexpected 0 $");
    check_expression("1 +", "calculation_missing");
    check_expression("sqrt(1, 2)", "calculation_count 2 sqrt");
    check_expression(&"1+".repeat(1001), "calculation_too_long 2000");
}

#[test]
fn what_a_server_of_tools_does_not_do_is_known() {
    let program = "npx".to_owned();
    check(&McpError::Start { program, reason: "not found".to_owned() }, "server_start 0 npx");
    check(&McpError::TimedOut(Duration::from_millis(300)), "server_timed_out 1");
    check(&McpError::Address(EgressError::Credentials), "credentials");
    check(&McpError::Gone, "server_gone");
}

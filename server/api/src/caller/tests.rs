use super::*;
use axum::http::Request;
use serde_json::json;
use std::collections::BTreeSet;

/// A request to this machine's own name.
fn parts(address: &str, headers: &[(&str, &str)]) -> Parts {
    let request = Request::builder().header("host", "localhost:8876");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    let address = address.parse().expect("an address");
    parts.extensions.insert(ConnectInfo(SocketAddr::new(address, 50000)));
    parts
}

/// Whom a request is for, and whose turn it takes.
fn both(address: &str, key: Option<&str>, body: Value) -> [Tenant; 2] {
    let address = elsewhere(&parts(address, &[]));
    let caller = Caller { address, key: key.map(str::to_owned) };
    let who = caller.who(&serde_json::from_value(body).expect("a request"));
    [who.tenant, who.share]
}

fn tenant(address: &str, key: Option<&str>, body: Value) -> Tenant {
    both(address, key, body)[0]
}

#[test]
fn a_program_on_this_machine_that_names_nobody_is_the_persons_own() {
    let own = Tenant(UserId::LOCAL.0);
    assert_eq!(tenant("127.0.0.1", None, json!({})), own);
    assert_eq!(tenant("::1", None, json!({"user": ""})), own);
    assert_eq!(tenant("::ffff:127.0.0.1", None, json!({"user": null})), own);
    // What programs send that is no name is passed over.
    assert_eq!(tenant("127.0.0.1", None, json!({"user": 7})), own);
    assert_eq!(Caller::default().who(&Names::default()), Who::alone(own));
}

#[tokio::test]
async fn whom_a_proxy_here_speaks_for_is_not_the_person() {
    let number = async |headers: &[(&str, &str)]| {
        let mut parts = parts("127.0.0.1", headers);
        let Ok(caller) = Caller::from_request_parts(&mut parts, &()).await;
        caller.number(None, None)
    };
    let own = Tenant(UserId::LOCAL.0);
    assert_eq!(number(&[]).await, own);
    for name in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
        assert_ne!(number(&[(name, "10.0.0.9")]).await, own, "{name}");
    }
}

#[test]
fn keys_that_are_made_up_take_no_turns_of_others() {
    let share = |address: &str, headers: &[(&str, &str)], key: &str| {
        let caller = Caller { address: elsewhere(&parts(address, headers)), key: Some(key.to_owned()) };
        caller.in_turns().number(None, None)
    };
    let there = |key| share("192.168.0.8", &[], key);
    assert_eq!(there("Bearer a"), there("Bearer b"));
    assert_eq!(share("192.168.0.8", &[("via", "b")], "Bearer a"), there("Bearer b"));
    assert_ne!(share("192.168.0.9", &[], "Bearer a"), there("Bearer a"));
    // What was computed for one is not for the other.
    assert_ne!(
        tenant("192.168.0.8", Some("Bearer a"), json!({})),
        tenant("192.168.0.8", Some("Bearer b"), json!({}))
    );
    for headers in [&[][..], &[("x-forwarded-for", "10.0.0.9")]] {
        let here = |key| share("127.0.0.1", headers, key);
        assert_ne!(here("Bearer a"), here("Bearer b"), "{headers:?}");
    }
}

#[test]
fn models_elsewhere_are_for_programs_on_this_machine() {
    let check = |address: &str, headers: &[(&str, &str)], model: Option<&str>, expected: bool| {
        let caller = Caller { address: elsewhere(&parts(address, headers)), key: None };
        assert_eq!(caller.may_ask(model).is_ok(), expected, "{address} {headers:?} {model:?}");
    };
    let remote = Some("remote:den/large");
    check("127.0.0.1", &[], remote, true);
    check("192.168.0.7", &[], remote, false);
    check("127.0.0.1", &[("x-forwarded-for", "10.0.0.9")], remote, false);
    check("192.168.0.7", &[], Some("small"), true);
    check("192.168.0.7", &[], None, true);
}

#[test]
fn whoever_has_another_name_key_or_address_is_somebody_else() {
    let callers = [
        tenant("127.0.0.1", None, json!({})),
        tenant("127.0.0.1", None, json!({"user": "anna"})),
        tenant("127.0.0.1", None, json!({"user": "ben"})),
        tenant("127.0.0.1", Some("Bearer anna"), json!({})),
        tenant("127.0.0.1", Some("Bearer anna"), json!({"user": "anna"})),
        tenant("192.168.0.7", None, json!({})),
        tenant("192.168.0.7", None, json!({"user": "anna"})),
        tenant("192.168.0.8", None, json!({"user": "anna"})),
    ];
    assert_eq!(callers.iter().collect::<BTreeSet<_>>().len(), callers.len());
    assert!(callers[1..].iter().all(|it| it.0 >= CALLERS && *it != Tenant::SERVER && !it.is_fleeting()));
}

#[test]
fn the_same_caller_is_the_same_tenant_each_time_and_by_whichever_field() {
    let anna = tenant("127.0.0.1", None, json!({"user": "anna"}));
    assert_eq!(tenant("127.0.0.1", None, json!({"user": "anna", "temperature": 0.5})), anna);
    assert_eq!(tenant("::1", None, json!({"safety_identifier": "anna"})), anna);
    assert_eq!(tenant("127.0.0.1", None, json!({"prompt_cache_key": "anna"})), anna);
    // Who asks counts before what is asked about.
    assert_eq!(tenant("127.0.0.1", None, json!({"user": "anna", "prompt_cache_key": "a"})), anna);
}

#[test]
fn whoever_is_named_the_turn_is_the_programs() {
    let own = Tenant(UserId::LOCAL.0);
    assert_eq!(both("127.0.0.1", None, json!({})), [own, own]);
    let share = |address: &str, key: Option<&str>, name: &str| both(address, key, json!({"user": name}))[1];
    let programs = [
        ("127.0.0.1", None),
        ("127.0.0.1", Some("Bearer a")),
        ("127.0.0.1", Some("Bearer b")),
        ("192.168.0.7", None),
        ("192.168.0.8", None),
    ];
    let mut shares = BTreeSet::from([own]);
    for (address, key) in programs {
        let of_one = share(address, key, "anna");
        assert!(shares.insert(of_one), "{address} {key:?}");
        assert_eq!(share(address, key, "ben"), of_one);
        let tenants = ["anna", "ben"].map(|name| tenant(address, key, json!({"user": name})));
        assert_ne!(tenants[0], tenants[1]);
    }
}

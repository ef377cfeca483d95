use super::{DOORS, Owner, Scope};
use leptos::server_fn::axum::server_fn_paths;
use std::collections::BTreeSet;

#[test]
fn every_server_function_is_in_the_table() {
    let registered: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    let listed: BTreeSet<_> = DOORS.iter().map(|door| door.path).collect();
    assert_eq!(registered, listed);
}

#[test]
fn nothing_of_a_person_is_open_to_anyone() {
    for door in DOORS.iter().filter(|door| door.owner != Owner::Nobody) {
        assert_eq!(door.scope, Scope::Person, "{}", door.path);
    }
    for route in api::ROUTES.iter().filter(|route| !route.needs_person) {
        assert_eq!(route.path, "/health");
    }
}

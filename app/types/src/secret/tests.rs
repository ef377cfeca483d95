use super::Secret;

#[test]
fn a_secret_is_never_written_out_by_accident() {
    let secret = Secret::new("sk-0123456789abcdef");
    for text in [format!("{secret:?}"), format!("{secret}"), format!("{:#?}", Some(secret.clone()))] {
        assert!(!text.contains("sk-") && !text.contains("cdef"), "{text}");
    }
    assert_eq!(secret.expose(), "sk-0123456789abcdef");
}

#[test]
fn a_hint_shows_the_end_of_long_secrets_only() {
    assert_eq!(Secret::new("sk-0123456789abcdef").hint(), "••••••••cdef");
    assert_eq!(Secret::new("short").hint(), "••••••••");
    assert_eq!(Secret::new("").hint(), "••••••••");
}

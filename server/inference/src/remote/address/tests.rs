use super::{AddressError, BaseUrl};

fn check(text: &str, expected: Result<(&str, &str, bool), AddressError>) {
    let read = BaseUrl::parse(text);
    let read = read.as_ref().map(|url| (url.to_string(), url.host(), url.is_open()));
    let expected = expected.map(|(url, host, is_open)| (url.to_owned(), host.to_owned(), is_open));
    assert_eq!(read.map_err(Clone::clone), expected, "{text}");
}

#[test]
fn addresses_are_read_as_people_write_them() {
    check(" https://api.example.com/v1 ", Ok(("https://api.example.com/v1", "api.example.com", false)));
    check("https://api.example.com/v1/", Ok(("https://api.example.com/v1", "api.example.com", false)));
    check("https://api.example.com", Ok(("https://api.example.com", "api.example.com", false)));
    check("http://127.0.0.1:8080/v1", Ok(("http://127.0.0.1:8080/v1", "127.0.0.1:8080", false)));
    check("http://[::1]:8080", Ok(("http://[::1]:8080", "[::1]:8080", false)));
    check("http://localhost:8080", Ok(("http://localhost:8080", "localhost:8080", false)));
}

#[test]
fn an_unencrypted_way_to_another_machine_is_known() {
    check("http://192.168.1.7:8080/v1", Ok(("http://192.168.1.7:8080/v1", "192.168.1.7:8080", true)));
    check(
        "http://localhost.example.com",
        Ok(("http://localhost.example.com", "localhost.example.com", true)),
    );
}

#[test]
fn what_is_no_address_of_an_api_is_refused() {
    check("api.example.com", Err(AddressError::NoUrl));
    check("", Err(AddressError::NoUrl));
    check("file:///etc/passwd", Err(AddressError::Scheme));
    check("https://me:secret@example.com", Err(AddressError::Credentials));
    check("https://example.com/v1?key=secret", Err(AddressError::Query));
    check(&format!("https://example.com/{}", "x".repeat(600)), Err(AddressError::TooLong));
}

#[test]
fn functions_are_below_the_base() {
    let base = BaseUrl::parse("https://example.com/openai/v1").unwrap();
    assert_eq!(base.join("chat/completions").as_str(), "https://example.com/openai/v1/chat/completions");
}

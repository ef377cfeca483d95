use super::*;

#[track_caller]
fn check_ip(ip: &str, expected: bool) {
    assert_eq!(is_public(ip.parse().unwrap()), expected, "{ip}");
}

#[track_caller]
fn check_url(text: &str, expected: &str) {
    let found = match web_address(text) {
        Ok(url) => match literal(&url) {
            Some(ip) if is_public(ip) => "public".to_owned(),
            Some(_) => "private".to_owned(),
            None => format!("name {}", url.host_str().unwrap_or_default()),
        },
        Err(err) => err.to_string(),
    };
    assert!(found.contains(expected), "{text}: {found}");
}

#[test]
fn public_addresses_are_public() {
    for ip in [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "198.20.0.1",
        "223.255.255.255",
    ] {
        check_ip(ip, true);
    }
    for ip in ["2606:4700::1111", "2a00:1450:4001::200e", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2001:200::1"]
    {
        check_ip(ip, true);
    }
}

#[test]
fn everything_special_is_not_public() {
    for ip in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
    ] {
        check_ip(ip, false);
        check_ip(&format!("::ffff:{ip}"), false);
        check_ip(&format!("64:ff9b::{ip}"), false);
    }
    for ip in [
        "::",
        "::1",
        "::127.0.0.1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "64:ff9b:1::1",
        "4000::1",
    ] {
        check_ip(ip, false);
    }
}

#[test]
fn every_way_of_writing_loopback_is_seen_through() {
    for text in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://017700000001/",
        "http://127.0.0.1:80/",
        "http://127。0。0。1/",
        "http://[::1]/",
        "http://[::]/",
        "http://0/",
        "http://0.0.0.0:8080/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://①②⑦.0.0.1/",
        "\thttp://127.0.0.1/\n",
        "http://169.254.169.254/latest/meta-data/",
        "http:\\\\127.0.0.1\\",
        "http:127.0.0.1",
        "https://10.0.0.1./",
    ] {
        check_url(text, "private");
    }
}

#[test]
fn what_is_no_web_address_is_refused() {
    for text in [
        "",
        "example.com",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://example.com/",
        "data:text/html,x",
        "javascript:1",
    ] {
        check_url(text, "is no address");
    }
    check_url("http://[fe80::1%25eth0]/", "is no address");
    check_url("http://", "is no address");
    check_url(&format!("https://example.com/{}", "x".repeat(MAX_ADDRESS_BYTES)), "is no address");
    check_url("http://user@127.0.0.1/", "no name or password");
    check_url("http://a:b@example.com/", "no name or password");
}

#[test]
fn what_looks_like_another_host_is_read_as_the_connection_reads_it() {
    check_url("http://example.com#@127.0.0.1/", "name example.com");
    check_url("http://127.0.0.1\\@example.com/", "private");
    check_url("http://EXAMPLE.com./", "name example.com.");
    check_url("http://exa\nmple.com/", "name example.com");
    check_url("http://localhost./", "name localhost.");
}

#[test]
fn a_host_is_allowed_with_its_port() {
    let allowed = AllowedHosts::parse(["http://NAS.local:8080/x", "https://10.0.0.5"]).unwrap();
    let has = |text: &str| allowed.has(&Url::parse(text).unwrap());
    assert!(has("http://nas.local:8080/y") && has("http://nas.local.:8080/") && has("https://10.0.0.5/"));
    assert!(!has("http://nas.local/") && !has("http://10.0.0.5/") && !has("http://nas.local:8081/"));
    assert!(AllowedHosts::parse(["nas.local"]).is_err());
}

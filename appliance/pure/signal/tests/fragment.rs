//! Bodies of WHIP and WHEP PATCH requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ringward_signal::fragment::{Fragment, ParseFragmentError};
use ringward_signal::limits::{
    MAX_CANDIDATE_BYTES, MAX_CANDIDATES, MAX_FRAGMENT_BYTES, MAX_FRAGMENT_LINES,
};

/// A fragment in the shape of the trickle example of RFC 9725 §4.3.
const TRICKLE: &str = "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
    a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
    a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
    a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2\r\n\
    a=end-of-candidates\r\n";

const PWD: &str = "P2uYro0UCOQ4zxjKXaWCBui1";

fn fragment(lines: &str) -> Result<Fragment, ParseFragmentError> {
    Fragment::parse(lines)
}

#[test]
fn a_fragment_of_the_standards_shape_is_read() {
    let read = fragment(TRICKLE).unwrap();
    assert_eq!(
        (read.ufrag.as_deref(), read.pwd.as_deref()),
        (Some("EsAw"), Some(PWD))
    );
    assert_eq!(read.candidates.len(), 2);
    assert!(read.candidates[0].starts_with("candidate:1387637174 1 udp "));
    assert!(read.end_of_candidates);
    assert_eq!(read.skipped, 0);
    assert_eq!(
        fragment(&TRICKLE.replace("\r\n", "\n")).unwrap(),
        read,
        "with LF"
    );
    assert_eq!(
        fragment(TRICKLE.trim_end()).unwrap(),
        read,
        "without the last CRLF"
    );
}

#[test]
fn sections_may_repeat_the_credentials_and_candidates_but_not_change_them() {
    let twice = TRICKLE.repeat(2);
    assert_eq!(fragment(&twice).unwrap(), fragment(TRICKLE).unwrap());
    let other = format!("{TRICKLE}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ice-ufrag:Othr\r\n");
    assert_eq!(fragment(&other), Err(ParseFragmentError::TwoTransports(10)));
}

#[test]
fn what_is_no_fragment_is_refused_with_its_line() {
    let ufrag = |text: &str| format!("a=ice-ufrag:{text}\r\na=ice-pwd:{PWD}\r\n");
    let pwd = |text: &str| format!("a=ice-ufrag:abcd\r\na=ice-pwd:{text}\r\n");
    for (name, body, want) in [
        ("nothing", String::new(), ParseFragmentError::Empty),
        (
            "no ICE",
            "m=audio 9 UDP 0\r\na=mid:0\r\n".into(),
            ParseFragmentError::Empty,
        ),
        ("JSON", "{}".into(), ParseFragmentError::BadLine(1)),
        (
            "prose",
            "a=mid:0\r\nhello\r\n".into(),
            ParseFragmentError::BadLine(2),
        ),
        (
            "an escape",
            "a=mid:\u{1b}\r\n".into(),
            ParseFragmentError::BadLine(1),
        ),
        (
            "a lone CR",
            "a=mid:0\ra=x\r\n".into(),
            ParseFragmentError::BadLine(1),
        ),
        (
            "only ufrag",
            "a=ice-ufrag:abcd\r\n".into(),
            ParseFragmentError::HalfCredentials,
        ),
        (
            "only pwd",
            format!("a=ice-pwd:{PWD}\r\n"),
            ParseFragmentError::HalfCredentials,
        ),
        (
            "ufrag of 3",
            ufrag("abc"),
            ParseFragmentError::BadCredential(1),
        ),
        (
            "ufrag of 257",
            ufrag(&"a".repeat(257)),
            ParseFragmentError::BadCredential(1),
        ),
        (
            "ufrag with a colon",
            ufrag("ab:d"),
            ParseFragmentError::BadCredential(1),
        ),
        (
            "pwd of 21",
            pwd(&"a".repeat(21)),
            ParseFragmentError::BadCredential(2),
        ),
        (
            "pwd of 257",
            pwd(&"a".repeat(257)),
            ParseFragmentError::BadCredential(2),
        ),
        (
            "pwd with a space",
            pwd(&"a b".repeat(8)),
            ParseFragmentError::BadCredential(2),
        ),
    ] {
        assert_eq!(fragment(&body), Err(want), "{name}");
    }
    for (name, body) in [
        ("ufrag of 4", ufrag("abcd")),
        ("ufrag of 256", ufrag(&"a".repeat(256))),
        ("pwd of 22", pwd(&"a".repeat(22))),
        ("pwd of 256", pwd(&"a".repeat(256))),
        ("only the end", "a=end-of-candidates\r\n".into()),
        (
            "only a candidate",
            "a=candidate:1 1 udp 1 a.local 9 typ host\r\n".into(),
        ),
    ] {
        assert!(fragment(&body).is_ok(), "{name}");
    }
}

#[test]
fn candidates_beyond_the_limit_are_skipped_and_counted() {
    let lines = |count: usize| {
        let lines: Vec<String> = (0..count)
            .map(|n| format!("a=candidate:{n} 1 udp\r\n"))
            .collect();
        fragment(&lines.concat()).unwrap()
    };
    let at = lines(MAX_CANDIDATES);
    assert_eq!((at.candidates.len(), at.skipped), (MAX_CANDIDATES, 0));
    let over = lines(MAX_CANDIDATES + 3);
    assert_eq!((over.candidates.len(), over.skipped), (MAX_CANDIDATES, 3));

    let long = |bytes: usize| {
        let filler = "x".repeat(bytes - "candidate:".len());
        fragment(&format!("a=candidate:{filler}\r\n")).unwrap()
    };
    assert_eq!(long(MAX_CANDIDATE_BYTES).candidates.len(), 1);
    assert_eq!(long(MAX_CANDIDATE_BYTES + 1).skipped, 1);
}

#[test]
fn size_and_lines_are_bounded() {
    let bytes = |bytes: usize| {
        let line = format!("a={}\n", "x".repeat(997));
        let start = "a=end-of-candidates\n".to_owned() + &line.repeat(bytes / 1000 - 1);
        let rest = "x".repeat(bytes - start.len() - 2);
        start + "a=" + &rest
    };
    assert_eq!(bytes(MAX_FRAGMENT_BYTES).len(), MAX_FRAGMENT_BYTES);
    assert!(fragment(&bytes(MAX_FRAGMENT_BYTES)).is_ok());
    let over = fragment(&bytes(MAX_FRAGMENT_BYTES + 1));
    assert_eq!(
        over,
        Err(ParseFragmentError::TooLong(MAX_FRAGMENT_BYTES + 1))
    );

    let lines = |count: usize| "a=x\n".repeat(count - 1) + "a=end-of-candidates";
    assert!(fragment(&lines(MAX_FRAGMENT_LINES)).is_ok());
    assert_eq!(
        fragment(&lines(MAX_FRAGMENT_LINES + 1)),
        Err(ParseFragmentError::TooManyLines)
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 5_000,
        rng_seed: RngSeed::Fixed(44),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn fuzz_any_body_is_read_within_its_limits(body in "(?s)(a=(ice-ufrag|ice-pwd|candidate):)?.{0,200}") {
        if let Ok(read) = Fragment::parse(&body) {
            prop_assert!(read.candidates.len() <= MAX_CANDIDATES);
            prop_assert_eq!(read.ufrag.is_some(), read.pwd.is_some());
        }
    }

    #[test]
    fn fuzz_spoiled_fragments_never_panic(
        at in 0..TRICKLE.len(),
        length in 0_usize..40,
        with in ".{0,12}",
    ) {
        let end = (at + length).min(TRICKLE.len());
        let spoiled = format!("{}{with}{}", &TRICKLE[..at], &TRICKLE[end..]);
        if let Ok(read) = Fragment::parse(&spoiled) {
            let clean = |text: &String| !text.contains(['\r', '\n', '\0']);
            prop_assert!(read.candidates.iter().chain(&read.ufrag).chain(&read.pwd).all(clean));
        }
    }
}

//! Which tokens are accepted: exactly the ones a key's secret signed, in one spelling, in time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ringward_auth::{
    Claims, EXPIRY_LEEWAY_SECS, Grants, Keys, MAX_TOKEN_BYTES, REFUSED_TEXT, TokenFault, mint,
    verify,
};
use serde_json::json;
use vocab::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const NOW_SECS: u64 = 1_700_000_000;
const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Written by Python's `hmac` and `json`, in the member order of `PyPI` `livekit-api`.
const FROM_PYTHON: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
    eyJ2aWRlbyI6eyJyb29tSm9pbiI6dHJ1ZSwicm9vbSI6IndhcmQtMyIsImNhblB1Ymxpc2giOnRydWUsImNhblB1Ymxpc2\
    hTb3VyY2VzIjpbImNhbWVyYSIsIm1pY3JvcGhvbmUiXX0sIm5hbWUiOiJOdXJzZSIsImF0dHJpYnV0ZXMiOnsiYmVkIjoiN\
    CJ9LCJzdWIiOiJudXJzZS0xIiwiaXNzIjoiZGV2a2V5IiwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMjE2MDAuNX0.\
    wd4aT0doTWpXS2Z41Oqxnjw_70ydB4852AZAFdJXvb8";

fn keys() -> Keys {
    let mut keys = Keys::new();
    keys.add("devkey", "secret").unwrap();
    keys.add("other", "another secret").unwrap();
    keys
}

/// A token with any header and payload, correctly signed.
fn signed(header: &str, payload: &str, secret: &str) -> String {
    let text = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        text.as_bytes(),
    );
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

fn payload(extra: &str) -> String {
    format!(
        r#"{{"iss":"devkey","sub":"i","exp":{}{extra}}}"#,
        NOW_SECS + 60
    )
}

fn fault(token: &str) -> Option<TokenFault> {
    verify(token, &keys(), NOW).err().map(|refused| {
        assert_eq!(
            refused.to_string(),
            REFUSED_TEXT,
            "the bearer learns nothing"
        );
        refused.fault()
    })
}

#[test]
fn a_token_of_another_implementation_is_read() {
    let claims = verify(FROM_PYTHON, &keys(), NOW).unwrap();
    assert_eq!(
        (claims.identity(), claims.name.as_str()),
        ("nurse-1", "Nurse")
    );
    assert_eq!(claims.exp, Some(1_700_021_600));
    assert_eq!(claims.attributes["bed"], "4");
    assert!(claims.room_join_for("ward-3"));
}

#[test]
fn a_minted_token_gives_back_its_claims() {
    let claims = Claims {
        iss: "devkey".into(),
        sub: "nurse-1".into(),
        exp: Some(NOW_SECS + 600),
        name: "Zoé".into(),
        video: Grants {
            room: "a".into(),
            room_join: true,
            ..Grants::default()
        },
        ..Claims::default()
    };
    assert_eq!(
        verify(&mint(&claims, "devkey", "secret"), &keys(), NOW).unwrap(),
        claims
    );
    assert_eq!(
        fault(&mint(&claims, "devkey", "Secret")),
        Some(TokenFault::Signature)
    );
}

#[test]
fn a_header_that_says_anything_but_hs256_is_refused() {
    for (header, want) in [
        (HS256, None),
        (r#"{"typ":"JWT","alg":"HS256"}"#, None),
        (r#"{"alg":"HS256"}"#, None),
        (r#"{"alg":"HS256","typ":"jwt"}"#, None),
        (r#"{"alg":"none","typ":"JWT"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"None"}"#, Some(TokenFault::Header)),
        (r#"{"alg":""}"#, Some(TokenFault::Header)),
        (r#"{"alg":null}"#, Some(TokenFault::Header)),
        (r#"{"alg":["HS256"]}"#, Some(TokenFault::Header)),
        (r#"{"alg":"hs256"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"HS512"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"RS256"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"ES256"}"#, Some(TokenFault::Header)),
        (r#"{"typ":"JWT"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"HS256","alg":"HS256"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"none","alg":"HS256"}"#, Some(TokenFault::Header)),
        (r#"{"alg":"HS256","typ":"JWE"}"#, Some(TokenFault::Header)),
        (
            r#"{"alg":"HS256","kid":"../../../dev/null"}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","kid":"x' UNION SELECT 'k"}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","crit":["exp"]}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","jwk":{"kty":"oct","k":"c2VjcmV0"}}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","jku":"https://example.org"}"#,
            Some(TokenFault::Header),
        ),
        (
            r#"{"alg":"HS256","x5u":"https://example.org"}"#,
            Some(TokenFault::Header),
        ),
        (r#"{"alg":"HS256","zip":"DEF"}"#, Some(TokenFault::Header)),
        (r#"["HS256"]"#, Some(TokenFault::Header)),
        (r#"["HS256","JWT"]"#, Some(TokenFault::Header)),
        ("", Some(TokenFault::Header)),
        ("HS256", Some(TokenFault::Header)),
    ] {
        assert_eq!(
            fault(&signed(header, &payload(""), "secret")),
            want,
            "{header}"
        );
    }
}

#[test]
fn only_the_issuers_own_secret_signs() {
    let issued_by = |iss: &str| payload("").replace("devkey", iss);
    for (name, payload, secret, want) in [
        ("its own", issued_by("devkey"), "secret", None),
        (
            "another key's",
            issued_by("devkey"),
            "another secret",
            Some(TokenFault::Signature),
        ),
        (
            "an empty secret",
            issued_by("devkey"),
            "",
            Some(TokenFault::Signature),
        ),
        (
            "the key as secret",
            issued_by("devkey"),
            "devkey",
            Some(TokenFault::Signature),
        ),
        (
            "an unknown key",
            issued_by("nobody"),
            "secret",
            Some(TokenFault::UnknownKey),
        ),
        (
            "an empty key, no secret",
            issued_by(""),
            "",
            Some(TokenFault::UnknownKey),
        ),
        (
            "no issuer",
            r#"{"sub":"i","exp":1800000000}"#.into(),
            "",
            Some(TokenFault::UnknownKey),
        ),
        (
            "no JSON",
            "hello".into(),
            "secret",
            Some(TokenFault::Malformed),
        ),
        ("a list", "[]".into(), "secret", Some(TokenFault::Malformed)),
        (
            "a list of claims",
            r#"["devkey","i"]"#.into(),
            "secret",
            Some(TokenFault::Malformed),
        ),
        (
            "no payload",
            String::new(),
            "secret",
            Some(TokenFault::Malformed),
        ),
    ] {
        assert_eq!(fault(&signed(HS256, &payload, secret)), want, "{name}");
    }
}

#[test]
fn a_signature_of_the_right_start_is_not_enough() {
    let token = signed(HS256, &payload(""), "secret");
    let (text, tag) = token.rsplit_once('.').unwrap();
    let tag = URL_SAFE_NO_PAD.decode(tag).unwrap();
    for (name, tag) in [
        ("nothing", Vec::new()),
        ("half", tag[..16].to_vec()),
        ("all but one byte", tag[..31].to_vec()),
        ("one byte more", [&tag[..], &[0]].concat()),
        ("zeros", vec![0; 32]),
    ] {
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert_eq!(fault(&token), Some(TokenFault::Signature), "{name}");
    }
}

#[test]
fn a_token_has_one_spelling() {
    let token = signed(HS256, &payload(""), "secret");
    let parts: Vec<&str> = token.split('.').collect();
    let [header, body, tag] = parts[..] else {
        panic!("three parts")
    };
    assert_eq!(fault(&token), None);
    let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(tag).unwrap());
    let padded = URL_SAFE.encode(URL_SAFE_NO_PAD.decode(tag).unwrap());
    for (name, token) in [
        ("padded", format!("{header}.{body}.{padded}")),
        ("the other alphabet", format!("{header}.{body}.{standard}")),
        ("a space before", format!(" {token}")),
        ("a line end after", format!("{token}\n")),
        ("a scheme before", format!("Bearer {token}")),
        ("two parts", format!("{header}.{body}")),
        ("four parts", format!("{header}.{body}.{tag}.{tag}")),
        (
            "five parts, like a JWE",
            format!("{header}.{body}.{tag}.{tag}.{tag}"),
        ),
        ("an empty tag", format!("{header}.{body}.")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("no header", format!(".{body}.{tag}")),
    ] {
        assert!(fault(&token).is_some(), "{name}");
    }
}

#[test]
fn a_claim_named_twice_is_refused_however_deep() {
    for (name, extra, want) in [
        ("once", r#","video":{"room":"a"}"#, None),
        (
            "a known claim",
            r#","sub":"admin""#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "an unknown claim",
            r#","x":1,"x":2"#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "spelled with an escape",
            r#","\u0073ub":"admin""#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "within a grant",
            r#","video":{"roomAdmin":false,"roomAdmin":true}"#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "two grants",
            r#","video":{},"video":{}"#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "an attribute",
            r#","attributes":{"a":"1","a":"2"}"#,
            Some(TokenFault::DuplicateClaim),
        ),
        (
            "in a list",
            r#","x":[{"a":1,"a":2}]"#,
            Some(TokenFault::DuplicateClaim),
        ),
    ] {
        assert_eq!(
            fault(&signed(HS256, &payload(extra), "secret")),
            want,
            "{name}"
        );
    }
}

#[test]
fn the_issuer_is_not_chosen_between_two() {
    let twice = payload("").replacen("\"iss\"", "\"iss\":\"other\",\"iss\"", 1);
    assert!(fault(&signed(HS256, &twice, "secret")).is_some());
    assert!(fault(&signed(HS256, &twice, "another secret")).is_some());
}

#[test]
fn a_token_is_valid_from_nbf_to_exp_give_or_take_the_leeway() {
    let leeway = EXPIRY_LEEWAY_SECS;
    for (name, exp, nbf, want) in [
        (
            "no exp",
            json!(null),
            json!(null),
            Some(TokenFault::NoExpiry),
        ),
        ("now", json!(NOW_SECS), json!(NOW_SECS), None),
        (
            "at the leeway's end",
            json!(NOW_SECS - leeway),
            json!(null),
            None,
        ),
        (
            "past it",
            json!(NOW_SECS - leeway - 1),
            json!(null),
            Some(TokenFault::Expired),
        ),
        ("zero", json!(0), json!(null), Some(TokenFault::Expired)),
        (
            "starts at the leeway's end",
            json!(NOW_SECS + 600),
            json!(NOW_SECS + leeway),
            None,
        ),
        (
            "starts after it",
            json!(NOW_SECS + 600),
            json!(NOW_SECS + leeway + 1),
            Some(TokenFault::NotYetValid),
        ),
        ("the end of time", json!(u64::MAX), json!(0), None),
        (
            "starts at the end of time",
            json!(u64::MAX),
            json!(u64::MAX),
            Some(TokenFault::NotYetValid),
        ),
        (
            "a fraction",
            json!(1_700_000_000.9),
            json!(1_700_000_000.1),
            None,
        ),
        ("negative", json!(-1), json!(null), Some(TokenFault::Claims)),
        (
            "a string",
            json!("1800000000"),
            json!(null),
            Some(TokenFault::Claims),
        ),
        (
            "beyond doubles",
            json!(1e300),
            json!(null),
            Some(TokenFault::Claims),
        ),
    ] {
        let payload = json!({"iss": "devkey", "sub": "i", "exp": exp, "nbf": nbf}).to_string();
        assert_eq!(fault(&signed(HS256, &payload, "secret")), want, "{name}");
    }
}

#[test]
fn claims_of_the_wrong_kind_are_refused_and_unknown_ones_ignored() {
    for (extra, want) in [
        (r#","inference":{"perform":true},"agents":[1,2]"#, None),
        (
            r#","attributes":null,"video":null,"kindDetails":null"#,
            None,
        ),
        (r#","video":{"roomJoin":"true"}"#, Some(TokenFault::Claims)),
        (r#","video":{"roomAdmin":1}"#, Some(TokenFault::Claims)),
        (r#","video":[]"#, Some(TokenFault::Claims)),
        (r#","video":["ward",true]"#, Some(TokenFault::Claims)),
        (r#","sip":[true,true]"#, Some(TokenFault::Claims)),
        (r#","name":5"#, Some(TokenFault::Claims)),
        (r#","attributes":{"a":5}"#, Some(TokenFault::Claims)),
    ] {
        assert_eq!(
            fault(&signed(HS256, &payload(extra), "secret")),
            want,
            "{extra}"
        );
    }
}

#[test]
fn the_longest_token_is_read_and_one_byte_more_is_not() {
    let filled = |bytes: usize| {
        let extra = format!(r#","x":"{}""#, "y".repeat(bytes));
        signed(HS256, &payload(&extra), "secret")
    };
    let longest = (0..4)
        .map(|more| filled(49_000 + more))
        .map(|t| t.len())
        .max()
        .unwrap();
    let room = (MAX_TOKEN_BYTES - longest) / 4 * 3;
    let (fits, over) = (filled(49_000 + room), filled(49_000 + room + 6));
    assert!(fits.len() <= MAX_TOKEN_BYTES && over.len() > MAX_TOKEN_BYTES);
    assert!(
        over.len() - fits.len() <= 8,
        "the two stand on both sides of the limit"
    );
    assert_eq!(fault(&fits), None);
    assert_eq!(fault(&over), Some(TokenFault::TooLong));
    assert_eq!(fault(&"a".repeat(1024 * 1024)), Some(TokenFault::TooLong));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let deep = format!(r#","x":{}{}"#, "[".repeat(20_000), "]".repeat(20_000));
    assert!(fault(&signed(HS256, &payload(&deep), "secret")).is_some());
}

#[test]
fn keys_refuse_what_would_match_anybody() {
    let mut keys = Keys::new();
    assert_eq!(
        keys.add("", "secret"),
        Err(ringward_auth::AddKeyError::EmptyKey)
    );
    assert_eq!(
        keys.add("key", ""),
        Err(ringward_auth::AddKeyError::EmptySecret)
    );
    assert_eq!(keys.names().count(), 0);
    keys.add("key", "hush").unwrap();
    assert!(!format!("{keys:?}").contains("hush"));
    assert_eq!(keys.secret("key"), Some("hush"));
}

/// One change to a token's text.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(usize, char),
    Insert(usize, char),
    Remove(usize),
    Truncate(usize),
    Swap(usize, usize),
    FlipBit(usize, u8),
    CutOut(usize, usize),
}

fn mutate(token: &str, mutation: &Mutation) -> String {
    let mut chars: Vec<char> = token.chars().collect();
    let count = chars.len();
    if count == 0 {
        return String::new();
    }
    let at = |index: &usize| index % count;
    match mutation {
        Mutation::Replace(index, with) => chars[at(index)] = *with,
        Mutation::Insert(index, with) => chars.insert(at(index), *with),
        Mutation::Remove(index) => drop(chars.remove(at(index))),
        Mutation::Truncate(index) => chars.truncate(at(index)),
        Mutation::Swap(a, b) => chars.swap(at(a), at(b)),
        Mutation::FlipBit(index, bit) => {
            let index = at(index);
            chars[index] = char::from(chars[index] as u8 ^ (1 << (bit % 7)));
        }
        Mutation::CutOut(from, length) => {
            let from = at(from);
            let to = (from + length % 40).min(chars.len());
            chars.drain(from..to);
        }
    }
    chars.into_iter().collect()
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let letter = prop::sample::select(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"
            .chars()
            .collect::<Vec<_>>(),
    );
    prop_oneof![
        (any::<usize>(), letter.clone()).prop_map(|(i, c)| Mutation::Replace(i, c)),
        (any::<usize>(), letter).prop_map(|(i, c)| Mutation::Insert(i, c)),
        any::<usize>().prop_map(Mutation::Remove),
        any::<usize>().prop_map(Mutation::Truncate),
        any::<(usize, usize)>().prop_map(|(a, b)| Mutation::Swap(a, b)),
        any::<(usize, u8)>().prop_map(|(i, b)| Mutation::FlipBit(i, b)),
        any::<(usize, usize)>().prop_map(|(f, l)| Mutation::CutOut(f, l)),
    ]
}

fn fixed(seed: u64, cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(fixed(11, 10_000))]

    #[test]
    fn no_changed_token_is_accepted(changes in prop::collection::vec(mutation(), 1..4)) {
        let token = FROM_PYTHON;
        let changed = changes.iter().fold(token.to_owned(), |text, change| mutate(&text, change));
        prop_assume!(changed != token);
        prop_assert!(verify(&changed, &keys(), NOW).is_err(), "{changed}");
    }

    #[test]
    fn fuzz_any_text_is_refused(text in "\\PC{0,200}") {
        prop_assert!(verify(&text, &keys(), NOW).is_err());
    }

    #[test]
    fn fuzz_signed_rubbish_never_panics(header in ".{0,60}", payload in ".{0,200}") {
        prop_assert!(verify(&signed(&header, &payload, "secret"), &keys(), NOW).is_err());
    }

    #[test]
    fn fuzz_signed_almost_claims_never_panic(payload in json_like()) {
        let _ = verify(&signed(HS256, &payload, "secret"), &keys(), NOW);
    }
}

/// Claims with values of every kind, so that each reader of a claim is reached.
fn json_like() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "iss",
        "sub",
        "exp",
        "nbf",
        "iat",
        "video",
        "sip",
        "attributes",
        "kindDetails",
        "roomConfig",
    ]);
    let value = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "1.5",
        "\"devkey\"",
        "[]",
        "{}",
        "[[null]]",
        "{\"room\":null}",
        "{\"canPublishSources\":[null]}",
        "{\"a\":\"b\"}",
        "18446744073709551616",
    ]);
    prop::collection::vec((name, value), 0..6).prop_map(|members| {
        let members = members
            .iter()
            .map(|(name, value)| format!(r#","{name}":{value}"#));
        format!(r#"{{"iss":"devkey"{}}}"#, members.collect::<String>())
    })
}

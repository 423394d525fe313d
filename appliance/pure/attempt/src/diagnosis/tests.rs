use super::limits::*;
use super::*;
use crate::record::admission::Admission;
use crate::record::sdp::{Kind, Section};
use crate::record::signal::{Closed, Closing};
use crate::record::tls::{Tls, TlsFault};
use crate::record::token::{Token, TokenOutcome};
use crate::record::transport::{Dtls, Failure, Pair, Protocol, Transport};
use crate::record::word::Word;
use crate::record::{Door, Ended};
use vocab::TrackKey;

/// When everything begins.
const T0: UnixMillis = UnixMillis(1_000_000);

fn after(ms: u64) -> UnixMillis {
    UnixMillis(T0.0 + ms)
}

/// An attempt that has come as far as both descriptions.
fn described() -> Record {
    let mut record = Record::new("CA_1".to_owned(), Door::Rtc, T0);
    record.remote = "10.30.0.7:50000".parse().ok();
    record.set_bearer("pat", "ward", true);
    record.signal.asked_at = Some(T0);
    record.signal.open_at = Some(T0);
    record.token = Some(Token::default());
    record.admission = Some(Admission::Admitted(T0));
    let mut transport = Transport::default();
    transport.candidates.udp = 2;
    transport.set_local(["10.1.2.3:7882".parse().unwrap()]);
    transport.described(T0);
    record.add_transport(transport);
    record
}

fn pair(checks: u32, nominated: bool) -> Pair {
    Pair {
        remote: "10.30.0.7:51000".parse().unwrap(),
        protocol: Protocol::Udp,
        at: T0,
        checks,
        answered: checks,
        nominated,
    }
}

/// One whose media connection is up.
fn connected() -> Record {
    let mut record = described();
    record.transports[0].pairs.push(pair(5, true));
    record.transports[0].dtls.begun_at = Some(T0);
    record.transports[0].connected_at = Some(T0);
    record
}

fn code(record: &Record, now: UnixMillis) -> Option<&'static str> {
    diagnose(record, now)
        .finding
        .map(|finding| finding.code.as_str())
}

fn with(record: Record, change: impl FnOnce(&mut Record)) -> Record {
    let mut record = record;
    change(&mut record);
    record
}

#[test]
fn each_limit_is_where_silence_becomes_a_cause() {
    let unheard = described();
    let no_address = with(described(), |r| r.transports[0].candidates.udp = 0);
    let one_way = with(described(), |r| {
        r.transports[0].pairs.push(pair(MIN_CHECKS, false));
    });
    let few = with(described(), |r| {
        r.transports[0].pairs.push(pair(MIN_CHECKS - 1, false));
    });
    let stuck = with(described(), |r| {
        r.transports[0].pairs.push(pair(5, true));
        r.transports[0].dtls.begun_at = Some(T0);
    });
    let mute_up = with(connected(), |r| {
        r.media.publish(TrackKey(1), Kind::Audio, false, T0);
    });
    let mute_down = with(connected(), |r| {
        r.transports[0].packets_down = MIN_PACKETS_DOWN;
        r.transports[0].down_since = Some(T0);
    });
    let bare = Record::new("CA_2".to_owned(), Door::None, T0);
    let half_open = with(described(), |r| r.transports.clear());
    for (name, record, limit, want) in [
        ("no check", unheard, FIRST_CHECK_MS, "UDP-BLOCKED"),
        ("no address", no_address, FIRST_CHECK_MS, "NO-CANDIDATES"),
        ("no choice", one_way, NOMINATION_MS, "UDP-ONE-WAY"),
        ("no handshake", stuck, DTLS_MS, "DTLS-MTU"),
        ("no packet up", mute_up, MEDIA_MS, "ONE-WAY-UP"),
        ("no report", mute_down, REPORT_MS, "ONE-WAY-DOWN"),
        ("nothing asked", bare, SIGNAL_MS, "SIGNAL-TIMEOUT"),
        ("nothing said", half_open, SIGNAL_MS, "SIGNAL-TIMEOUT"),
    ] {
        assert_eq!(code(&record, after(limit - 1)), None, "{name}, one below");
        assert_eq!(
            code(&record, after(limit)),
            Some(want),
            "{name}, at the limit"
        );
    }
    assert_eq!(
        code(&few, after(NOMINATION_MS)),
        None,
        "too few checks say nothing"
    );
}

#[test]
fn what_the_token_says_of_clocks() {
    let token = |outcome, age: i64, this_old| Token {
        outcome,
        age_secs: Some(age),
        expired_secs: Some(60),
        starts_in_secs: Some(600),
        always_this_old: this_old,
        issuer: Some("hospital".to_owned()),
    };
    for (name, token, want) in [
        ("valid", token(TokenOutcome::Valid, 3, false), None),
        (
            "old",
            token(TokenOutcome::Expired, 7_200, false),
            Some("TOKEN-EXPIRED"),
        ),
        (
            "always old",
            token(TokenOutcome::Expired, 7_200, true),
            Some("CLOCK-BEHIND"),
        ),
        (
            "made within the leeway",
            token(TokenOutcome::NotYet, -60, false),
            Some("TOKEN-NOT-YET"),
        ),
        (
            "made beyond it",
            token(TokenOutcome::NotYet, -61, false),
            Some("CLOCK-AHEAD"),
        ),
        (
            "no key",
            token(TokenOutcome::UnknownKey, 0, false),
            Some("KEY-UNKNOWN"),
        ),
        (
            "wrong secret",
            token(TokenOutcome::Signature, 0, false),
            Some("SIGNATURE"),
        ),
        (
            "no grant",
            token(TokenOutcome::NoGrant, 0, false),
            Some("GRANT-MISSING"),
        ),
        (
            "nobody",
            token(TokenOutcome::NoIdentity, 0, false),
            Some("GRANT-MISSING"),
        ),
        (
            "endless",
            token(TokenOutcome::NoExpiry, 0, false),
            Some("TOKEN-MALFORMED"),
        ),
        (
            "none",
            token(TokenOutcome::Missing, 0, false),
            Some("TOKEN-MISSING"),
        ),
    ] {
        let mut record = Record::new("CA_1".to_owned(), Door::Rtc, T0);
        record.signal.asked_at = Some(T0);
        record.token = Some(token);
        assert_eq!(code(&record, T0), want, "{name}");
    }
}

#[test]
fn what_the_room_says_is_named() {
    for (admission, want) in [
        (Admission::Admitted(T0), None),
        (Admission::Locked, Some("ROOM-LOCKED")),
        (Admission::Full { max: 3 }, Some("ROOM-FULL")),
        (Admission::Blocked, Some("BLOCKED-REJOIN")),
        (Admission::Draining, Some("DRAINING")),
        (Admission::Overloaded, Some("BOX-REFUSES")),
        (Admission::BadRequest, Some("BAD-REQUEST")),
    ] {
        let mut record = Record::new("CA_1".to_owned(), Door::Whip, T0);
        record.signal.asked_at = Some(T0);
        record.token = Some(Token::default());
        record.admission = Some(admission);
        assert_eq!(code(&record, T0), want, "{admission:?}");
    }
}

#[test]
fn how_a_handshake_got_stuck_tells_size_from_damage() {
    let dtls = |received, largest_received, sent, largest_sent, unreadable| Dtls {
        begun_at: Some(T0),
        received,
        largest_received,
        sent,
        largest_sent,
        unreadable,
    };
    let large = LARGE_DATAGRAM_BYTES;
    for (name, dtls, failed, want) in [
        (
            "our large flight is lost",
            dtls(4, 200, 6, 1_100, 0),
            false,
            "DTLS-MTU",
        ),
        ("theirs is", dtls(0, 0, 4, 200, 0), false, "DTLS-MTU"),
        (
            "one byte below large",
            dtls(4, large - 1, 6, large, 0),
            false,
            "DTLS-MTU",
        ),
        (
            "large ones pass both ways",
            dtls(4, large, 6, large, 0),
            false,
            "DTLS-FAILED",
        ),
        ("damaged", dtls(4, 200, 6, 1_100, 1), false, "DTLS-FAILED"),
        (
            "refused outright",
            dtls(4, 200, 6, 1_100, 0),
            true,
            "DTLS-FAILED",
        ),
    ] {
        let record = with(described(), |r| {
            r.transports[0].pairs.push(pair(5, true));
            r.transports[0].dtls = dtls;
            r.transports[0].failure = failed.then_some(Failure::Dtls(T0));
        });
        assert_eq!(code(&record, after(DTLS_MS)), Some(want), "{name}");
    }
}

#[test]
fn a_dead_path_with_a_live_fallback_is_a_warning() {
    let record = with(described(), |r| {
        let tcp = Pair {
            protocol: Protocol::Tcp,
            ..pair(3, true)
        };
        r.transports[0].pairs.push(tcp);
        r.transports[0].connected_at = Some(after(500));
    });
    let diagnosis = diagnose(&record, after(FIRST_CHECK_MS));
    assert_eq!(diagnosis.finding, None);
    assert!(
        diagnosis.names(Code::IceTcpOnly) && diagnosis.is_well(),
        "{diagnosis:?}"
    );
    let udp = &diagnosis.stages[6];
    assert_eq!(
        (udp.stage, udp.grade, udp.code),
        (Stage::Udp, Grade::Warn, Some(Code::IceTcpOnly))
    );
}

#[test]
fn who_left_before_the_limit_was_not_blocked() {
    let record = with(described(), |r| {
        r.ended = Some(Ended {
            at: after(FIRST_CHECK_MS - 1),
        });
    });
    assert_eq!(code(&record, after(60_000)), None);
    let gave_up = with(record, |r| {
        r.transports[0].failure = Some(Failure::NoPath(T0));
    });
    assert_eq!(code(&gave_up, after(60_000)), Some("UDP-BLOCKED"));
}

#[test]
fn a_websocket_that_is_cut_once_is_lost_and_twice_is_a_proxys() {
    let cut = |cuts| {
        with(described(), |r| {
            r.signal.closed = Some(Closed {
                at: after(900),
                how: Closing::Cut,
            });
            r.signal.cuts = cuts;
        })
    };
    assert_eq!(code(&cut(1), after(1_000)), Some("SIGNAL-LOST"));
    assert_eq!(code(&cut(2), after(1_000)), Some("PROXY-BREAKS-WEBSOCKET"));
    let said = with(cut(2), |r| {
        r.signal.closed = Some(Closed {
            at: after(900),
            how: Closing::Said,
        });
    });
    assert_eq!(code(&said, after(1_000)), None);
    let late = with(cut(2), |r| {
        let at = after(FIRST_CHECK_MS);
        r.signal.closed = Some(Closed {
            at,
            how: Closing::Cut,
        });
    });
    assert_eq!(
        code(&late, after(60_000)),
        Some("UDP-BLOCKED"),
        "it gave up, for want of a path"
    );
    let stripped = with(described(), |r| r.signal.stripped = true);
    assert_eq!(code(&stripped, T0), Some("PROXY-BREAKS-WEBSOCKET"));
    let later = with(connected(), |r| r.signal.resumes = HABITUAL_RESUMES);
    assert!(diagnose(&later, T0).names(Code::ProxyBreaksWebsocket));
    assert!(diagnose(&later, T0).is_well(), "media runs");
}

#[test]
fn what_the_browser_reports_counts_while_nothing_contradicts_it() {
    let said = |words: &[Word]| with(connected(), |r| r.words.extend(words));
    for (name, record, want) in [
        (
            "refused",
            said(&[Word::CameraRefused]),
            Some("PERMISSION-REFUSED"),
        ),
        (
            "missing",
            said(&[Word::MicrophoneMissing]),
            Some("DEVICE-MISSING"),
        ),
        ("busy", said(&[Word::CameraBusy]), Some("DEVICE-BUSY")),
        (
            "insecure",
            said(&[Word::InsecurePage, Word::CameraMissing]),
            Some("DEVICE-FORBIDDEN"),
        ),
        (
            "decoding",
            said(&[Word::DecodeFailed]),
            Some("DECODE-FAILED"),
        ),
        ("nothing", said(&[]), None),
    ] {
        assert_eq!(code(&record, T0), want, "{name}");
    }
    let with_sound = with(said(&[Word::CameraRefused]), |r| {
        r.media.publish(TrackKey(1), Kind::Audio, false, T0);
        r.media.flows(TrackKey(1), T0);
    });
    let diagnosis = diagnose(&with_sound, T0);
    assert!(diagnosis.finding.is_none() && diagnosis.names(Code::PermissionRefused));
}

#[test]
fn sections_without_a_common_codec_block_until_something_else_flows() {
    let section = |kind, common: &[&str]| Section {
        kind,
        offered: vec!["h263".to_owned()],
        common: common.iter().map(|name| (*name).to_owned()).collect(),
    };
    let barren = with(described(), |r| {
        r.transports[0].sections.push(section(Kind::Video, &[]));
    });
    assert_eq!(code(&barren, T0), Some("NO-COMMON-CODEC"));
    let sound = with(barren, |r| {
        r.transports[0]
            .sections
            .push(section(Kind::Audio, &["opus"]));
        r.media.publish(TrackKey(1), Kind::Audio, false, T0);
        r.media.flows(TrackKey(1), T0);
    });
    assert_eq!(code(&sound, T0), None);
    assert!(diagnose(&sound, T0).names(Code::NoCommonCodec));
}

#[test]
fn tls_alerts_are_told_apart() {
    for (fault, want) in [
        (TlsFault::Untrusted, "TLS-UNTRUSTED"),
        (TlsFault::Expired, "TLS-EXPIRED"),
        (TlsFault::Handshake, "TLS-FAILED"),
        (TlsFault::Silent, "TLS-FAILED"),
    ] {
        let mut record = Record::new("CA_1".to_owned(), Door::None, T0);
        record.tls = Tls::Refused(fault);
        record.ended = Some(Ended { at: T0 });
        assert_eq!(code(&record, after(60_000)), Some(want), "{fault:?}");
    }
}

#[test]
fn the_network_team_is_told_from_where_to_where() {
    let finding = diagnose(&described(), after(FIRST_CHECK_MS))
        .finding
        .unwrap();
    assert_eq!(
        finding.network,
        "allow UDP from 10.30.0.0/24 to 10.1.2.3:7882 udp, and the answers back"
    );
    assert_eq!(finding.stage, Stage::Udp);
    assert!(
        finding
            .evidence
            .starts_with("no check reached the box in 4.0 s"),
        "{finding:?}"
    );
}

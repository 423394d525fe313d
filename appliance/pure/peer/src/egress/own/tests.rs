#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests begin somewhere"
)]

use super::*;
use std::net::SocketAddr;
use str0m::net::Protocol;

const AUDIO: u32 = 0x0a0a_0a0a;
const RESENT: u32 = 0x0b0b_0b0b;
const STRANGER: u32 = 0x0c0c_0c0c;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn path(port: u16) -> Path {
    Path {
        local: address(1),
        remote: address(port),
    }
}

fn own() -> Own {
    let mut own = Own::new(1, Instant::now(), Instant::now());
    own.announced.push(Announced {
        mid: Mid::new("0").unwrap(),
        rtc_mid: RtcMid::from("0"),
        ssrc: AUDIO.into(),
        rtx: Some(RESENT.into()),
    });
    own
}

fn judge(own: &mut Own, bytes: Vec<u8>, port: u16) -> Verdict {
    let types = PayloadTypes::none();
    let departure = Departure::of(&bytes, &types);
    let transmit = Transmit {
        proto: Protocol::Udp,
        source: address(1),
        destination: address(port),
        contents: bytes.into(),
    };
    own.judge(departure, &transmit, &types, Instant::now())
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 201, 0, 1];
    bytes.extend(ssrc.to_be_bytes());
    bytes
}

fn rtp(ssrc: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 96, 0, 1, 0, 0, 0, 0];
    bytes.extend(ssrc.to_be_bytes());
    bytes
}

#[test]
fn nothing_of_str0ms_leaves_under_an_ssrc_of_ours() {
    let mut own = own();
    for (name, bytes, want) in [
        ("media", rtp(AUDIO), Verdict::Stopped),
        ("media of nobody", rtp(STRANGER), Verdict::Stopped),
        ("a report", rtcp(AUDIO), Verdict::Stopped),
        ("of retransmissions", rtcp(RESENT), Verdict::Stopped),
        ("cut", vec![0x80, 201, 0], Verdict::Stopped),
        ("its own report", rtcp(STRANGER), Verdict::Leaves(None)),
        ("DTLS", vec![22, 254], Verdict::Leaves(None)),
        ("STUN", vec![0, 1], Verdict::Leaves(None)),
    ] {
        assert_eq!(judge(&mut own, bytes, 9), want, "{name}");
    }
    let mut counters = Counters::default();
    own.count(&mut counters);
    assert_eq!(counters.nonce_alarms, 5);
}

#[test]
fn an_ssrc_that_str0m_reports_with_is_never_ours() {
    let mut own = own();
    judge(&mut own, rtcp(STRANGER), 9);
    assert!(!own.is_disputed());
    own.announced.first_mut().unwrap().ssrc = STRANGER.into();
    assert!(own.is_disputed());
}

#[test]
fn the_path_follows_what_is_authentic() {
    let mut own = own();
    assert_eq!(own.path(), None);
    judge(&mut own, vec![0, 1], 7);
    assert_eq!(own.path(), None, "STUN tries paths");
    judge(&mut own, vec![22, 254], 5);
    assert_eq!(own.path(), Some(path(5)));
    own.heard_media(path(6));
    judge(&mut own, vec![22, 254], 5);
    assert_eq!(own.path(), Some(path(6)), "str0m has not heard of it yet");
    judge(&mut own, vec![22, 254], 8);
    assert_eq!(own.path(), Some(path(8)), "what is new there counts");
    own.hear(path(4), &rtcp(STRANGER), Instant::now());
    assert_eq!(
        own.path(),
        Some(path(8)),
        "a stranger's report says nothing"
    );
}

#[test]
fn the_headers_that_are_counted_are_those_of_the_path() {
    let mut own = own();
    assert_eq!(own.sender.overhead(), 28);
    own.heard_media(Path {
        local: "[2001:db8::1]:1".parse().unwrap(),
        remote: "[2001:db8::2]:9".parse().unwrap(),
    });
    assert_eq!(own.sender.overhead(), 48, "IPv6");
    judge(&mut own, vec![22, 254], 8);
    assert_eq!(own.sender.overhead(), 28, "str0m moved to IPv4");
}

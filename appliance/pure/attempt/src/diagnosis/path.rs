//! Candidates, pairs, DTLS.

use super::Verdict::{self, Fail, Pass, Skip, Warn};
use super::limits::{DTLS_MS, FIRST_CHECK_MS, LARGE_DATAGRAM_BYTES, MIN_CHECKS, NOMINATION_MS};
use super::{secs, since};
use crate::code::Code;
use crate::record::Record;
use crate::record::transport::{Dtls, Failure, Pair, Protocol, Transport};
use std::net::SocketAddr;
use vocab::UnixMillis;

/// The transport that tells most: the first that is blocked, else the last.
fn telling(record: &Record, is_blocked: impl Fn(&Transport) -> bool) -> Option<&Transport> {
    let mut transports = record.transports.iter();
    transports
        .find(|t| is_blocked(t))
        .or(record.transports.last())
}

pub(super) fn udp(record: &Record, now: UnixMillis) -> Verdict {
    let Some(transport) = telling(record, |t| blocked_udp(t, now).is_some()) else {
        return Skip(String::new());
    };
    let Some((code, evidence)) = blocked_udp(transport, now) else {
        return unblocked_udp(transport);
    };
    let has_other = |protocol| chosen(transport, protocol).is_some();
    if code != Code::PathLost && (has_other(Protocol::Tcp) || has_other(Protocol::Turn)) {
        return Warn(Code::IceTcpOnly, evidence);
    }
    Fail(code, evidence)
}

fn unblocked_udp(transport: &Transport) -> Verdict {
    match chosen(transport, Protocol::Udp) {
        Some(pair) => Pass(format!(
            "{} chosen after {} checks",
            pair.remote, pair.checks
        )),
        None if transport.described_at.is_none() => Skip("nothing negotiated yet".to_owned()),
        None => Skip(format!("{} checks so far", checks(transport))),
    }
}

/// What keeps UDP from working, once enough time has passed to know.
fn blocked_udp(transport: &Transport, now: UnixMillis) -> Option<(Code, String)> {
    if let Some(Failure::PathLost(_)) = transport.failure {
        let evidence = "the path was up, then nothing came any more".to_owned();
        return Some((Code::PathLost, evidence));
    }
    if chosen(transport, Protocol::Udp).is_some() {
        return None;
    }
    let described = transport.described_at?;
    let gave_up = matches!(transport.failure, Some(Failure::NoPath(_)));
    let first = transport
        .pairs_over(Protocol::Udp)
        .map(|pair| pair.at)
        .min();
    match first {
        None => {
            let waited = since(described, now);
            (gave_up || waited >= FIRST_CHECK_MS).then(|| unheard(transport, waited))
        }
        Some(first) => {
            let waited = since(first, now);
            let count = checks(transport);
            let is_telling = count >= MIN_CHECKS && waited >= NOMINATION_MS;
            (gave_up || is_telling).then(|| {
                let from = addresses(transport.pairs_over(Protocol::Udp).map(|pair| pair.remote));
                let evidence = format!(
                    "{count} checks from {from} in {} reached the box, none was answered for the client",
                    secs(waited)
                );
                (Code::UdpOneWay, evidence)
            })
        }
    }
}

fn unheard(transport: &Transport, waited: u64) -> (Code, String) {
    let named = transport.candidates;
    let kinds = format!(
        "named {} udp, {} mdns, {} tcp, {} relay",
        named.udp, named.mdns, named.tcp, named.relay
    );
    if named.has_udp() {
        let evidence = format!("no check reached the box in {} ({kinds})", secs(waited));
        (Code::UdpBlocked, evidence)
    } else {
        let evidence = format!("no address for UDP in {} ({kinds})", secs(waited));
        (Code::NoCandidates, evidence)
    }
}

pub(super) fn tcp(record: &Record) -> Verdict {
    other(record, Protocol::Tcp)
}

pub(super) fn turn(record: &Record) -> Verdict {
    other(record, Protocol::Turn)
}

fn other(record: &Record, protocol: Protocol) -> Verdict {
    let found = record.transports.iter().find_map(|t| chosen(t, protocol));
    // The address is one of the box's own that stands for the client's.
    match found {
        Some(pair) => Pass(format!("chosen after {} checks", pair.checks)),
        None => Skip(String::new()),
    }
}

pub(super) fn dtls(record: &Record, now: UnixMillis) -> Verdict {
    let Some(transport) = telling(record, |t| blocked_dtls(t, now).is_some()) else {
        return Skip(String::new());
    };
    if let Some((code, evidence)) = blocked_dtls(transport, now) {
        return Fail(code, evidence);
    }
    match (transport.connected_at, transport.dtls.begun_at) {
        (Some(done), begun) => Pass(format!(
            "done in {}",
            secs(since(begun.unwrap_or(done), done))
        )),
        (None, Some(_)) => Skip("handshake running".to_owned()),
        (None, None) => Skip(String::new()),
    }
}

fn blocked_dtls(transport: &Transport, now: UnixMillis) -> Option<(Code, String)> {
    if transport.connected_at.is_some() {
        return None;
    }
    let failed = matches!(transport.failure, Some(Failure::Dtls(_)));
    let chosen = transport.pairs.iter().find(|pair| pair.nominated);
    let begun = transport.dtls.begun_at.or(chosen.map(|pair| pair.at));
    let waited = begun.map(|begun| since(begun, now));
    if !failed && (chosen.is_none() || waited.is_none_or(|waited| waited < DTLS_MS)) {
        return None;
    }
    let dtls = transport.dtls;
    let counts = format!(
        "{} received (largest {} bytes, {} unreadable), {} sent (largest {} bytes) in {}",
        dtls.received,
        dtls.largest_received,
        dtls.unreadable,
        dtls.sent,
        dtls.largest_sent,
        secs(waited.unwrap_or_default())
    );
    let code = if !failed && is_size_to_blame(dtls) {
        Code::DtlsMtu
    } else {
        Code::DtlsFailed
    };
    Some((code, counts))
}

/// We sent large datagrams and got none, or got nothing at all: the small ones, ICE's, pass.
fn is_size_to_blame(dtls: Dtls) -> bool {
    let sends_large = dtls.largest_sent >= LARGE_DATAGRAM_BYTES;
    dtls.unreadable == 0 && dtls.largest_received < LARGE_DATAGRAM_BYTES && sends_large
        || dtls.received == 0
}

fn chosen(transport: &Transport, protocol: Protocol) -> Option<&Pair> {
    transport.pairs_over(protocol).find(|pair| pair.nominated)
}

fn checks(transport: &Transport) -> u32 {
    transport
        .pairs_over(Protocol::Udp)
        .fold(0, |sum, pair| sum.saturating_add(pair.checks))
}

/// Up to three addresses.
fn addresses(found: impl Iterator<Item = SocketAddr>) -> String {
    let shown: Vec<String> = found.take(3).map(|address| address.to_string()).collect();
    shown.join(", ")
}

/// A line for the network team.
pub(super) fn network(record: &Record, code: Code) -> String {
    let from = record
        .subnet()
        .map_or("the client's network".to_owned(), |subnet| {
            subnet.to_string()
        });
    let tcp = record
        .local
        .map_or("the box".to_owned(), |local| format!("{local}/tcp"));
    let ports = record
        .transports
        .iter()
        .flat_map(|t| t.local.iter().copied());
    let udp = addresses(ports.collect::<std::collections::BTreeSet<_>>().into_iter());
    let udp = if udp.is_empty() {
        "the box's UDP ports".to_owned()
    } else {
        format!("{udp} udp")
    };
    match code {
        Code::TlsUntrusted => format!(
            "install the box's CA on devices in {from}; check for TLS inspection towards {tcp}"
        ),
        Code::TlsExpired => format!("renew the certificate served at {tcp}"),
        Code::TlsFailed => {
            format!("check for TLS inspection or an outdated client between {from} and {tcp}")
        }
        Code::SignalTimeout | Code::SignalLost => format!(
            "check firewalls and proxies between {from} and {tcp}: connections open and then stop"
        ),
        Code::ProxyBreaksWebsocket => format!(
            "let WebSocket (HTTP Upgrade) pass from {from} to {tcp}, without idle cut below 60 s"
        ),
        Code::NoCandidates => format!(
            "no network change: browser policy on devices in {from} forbids WebRTC over UDP (WebRtcIPHandling)"
        ),
        Code::UdpBlocked => format!("allow UDP from {from} to {udp}, and the answers back"),
        Code::UdpOneWay => format!(
            "allow UDP answers from {udp} back to {from}: requests arrive, answers are lost"
        ),
        Code::PathLost => {
            format!("look for a link loss or a NAT timeout below 30 s between {from} and {udp}")
        }
        Code::IceTcpOnly => {
            format!("allow UDP from {from} to {udp}: calls run over TCP until then")
        }
        Code::DtlsMtu => format!(
            "let UDP of 1,200 bytes and ICMP \"fragmentation needed\" pass between {from} and {udp}"
        ),
        Code::DtlsFailed => {
            format!("look for a device that changes UDP payloads between {from} and {udp}")
        }
        Code::OneWayUp => {
            format!("let RTP pass from {from} to {udp}: STUN and DTLS arrive, media does not")
        }
        Code::OneWayDown => {
            format!("let RTP pass from {udp} to {from}: STUN and DTLS arrive, media does not")
        }
        Code::ClockAhead | Code::ClockBehind => {
            "check the time service of the server that makes the links, and of the box".to_owned()
        }
        _ => "nothing to do for the network".to_owned(),
    }
}

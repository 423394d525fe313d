//! How far a transport has come, watched until it is up: who checks, what is answered, what of
//! DTLS passes. Afterwards only whether media flows.

use crate::stun;
use media::plane::{MAX_REPORTED_PAIRS, PathKind, PathPair, PathReport};
use peer::{Counters, is_dtls};
use std::net::SocketAddr;

/// Packets to a client after which its silence about them says something: told once more then.
const PACKETS_DOWN: u64 = 20;
/// Binding request (RFC 8489 §6).
const BINDING_REQUEST: [u8; 2] = [0, 1];
/// RFC 8445 §16.1.
const USE_CANDIDATE: u16 = 0x0025;

/// One transport's progress.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    report: PathReport,
    told: PathReport,
    is_up: bool,
}

impl Watch {
    /// A datagram that is this peer's.
    pub(crate) fn heard(&mut self, remote: SocketAddr, bytes: &[u8]) {
        if self.is_up {
            return;
        }
        if is_dtls(bytes) {
            let dtls = &mut self.report.dtls;
            dtls.received = dtls.received.saturating_add(1);
            dtls.largest_received = dtls.largest_received.max(size(bytes));
        } else if is_check(bytes)
            && let Some(pair) = self.pair(remote)
        {
            pair.checks = pair.checks.saturating_add(1);
            pair.nominated |= is_choice(bytes);
        }
    }

    /// A datagram that leaves for this address.
    pub(crate) fn sent(&mut self, remote: SocketAddr, bytes: &[u8]) {
        if self.is_up {
            return;
        }
        if is_dtls(bytes) {
            let dtls = &mut self.report.dtls;
            dtls.sent = dtls.sent.saturating_add(1);
            dtls.largest_sent = dtls.largest_sent.max(size(bytes));
        } else if stun::is_stun(bytes) {
            let mut pairs = self.report.pairs.iter_mut();
            if let Some(pair) = pairs.find(|pair| pair.remote == remote) {
                pair.answered = pair.answered.saturating_add(1);
            }
        }
    }

    /// What was counted since the last call, and whether the client has reported on what it was
    /// sent.
    pub(crate) fn counted(&mut self, counters: &Counters, is_reported: bool) {
        let report = &mut self.report;
        report.packets_up += counters.packets_in;
        report.packets_down += counters.packets_out;
        report.reported |= is_reported;
        if !self.is_up {
            let unreadable = u32::try_from(counters.malformed_in).unwrap_or(u32::MAX);
            report.dtls.unreadable = report.dtls.unreadable.saturating_add(unreadable);
        }
    }

    /// ICE and DTLS are up: nothing more of them is counted.
    pub(crate) fn connected(&mut self) {
        self.is_up = true;
    }

    /// What is to be told now: anything new until the transport is up, later only what changes
    /// its meaning.
    pub(crate) fn news(&mut self) -> Option<Box<PathReport>> {
        let is_new = if self.is_up {
            meaning(&self.report) != meaning(&self.told)
        } else {
            self.report != self.told
        };
        is_new.then(|| {
            self.told.clone_from(&self.report);
            Box::new(self.report.clone())
        })
    }

    /// The pair of this address; `None` beyond [`MAX_REPORTED_PAIRS`].
    fn pair(&mut self, remote: SocketAddr) -> Option<&mut PathPair> {
        let pairs = &mut self.report.pairs;
        let place = pairs.iter().position(|pair| pair.remote == remote);
        let place = place.unwrap_or(pairs.len());
        if place == pairs.len() && place < MAX_REPORTED_PAIRS {
            pairs.push(PathPair {
                remote,
                kind: if vocab::is_stand_in(remote.ip()) {
                    PathKind::Tcp
                } else {
                    PathKind::Udp
                },
                checks: 0,
                answered: 0,
                nominated: false,
            });
        }
        pairs.get_mut(place)
    }
}

fn meaning(report: &PathReport) -> (usize, bool, bool, bool, bool) {
    (
        report.pairs.len(),
        report.packets_up > 0,
        report.packets_down > 0,
        report.packets_down >= PACKETS_DOWN,
        report.reported,
    )
}

/// A connectivity check.
fn is_check(bytes: &[u8]) -> bool {
    stun::is_stun(bytes) && bytes.get(..2) == Some(&BINDING_REQUEST)
}

/// The client has chosen the pair that this check came on.
fn is_choice(bytes: &[u8]) -> bool {
    stun::attribute(bytes, USE_CANDIDATE).is_some()
}

fn size(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 7], port))
    }

    fn check(nominates: bool) -> Vec<u8> {
        let mut bytes = stun::tests::message(b"local:remote");
        if nominates {
            bytes.extend([0, 0x25, 0, 0]);
        }
        bytes
    }

    #[test]
    fn checks_answers_and_the_choice_are_told_once() {
        let mut watch = Watch::default();
        assert_eq!(watch.news(), None);
        watch.heard(addr(1), &check(false));
        watch.sent(addr(1), &check(false));
        watch.heard(addr(2), &check(true));
        let told = watch.news().unwrap();
        let pairs: Vec<_> = told
            .pairs
            .iter()
            .map(|p| (p.remote.port(), p.checks, p.answered, p.nominated))
            .collect();
        assert_eq!(pairs, [(1, 1, 1, false), (2, 1, 0, true)]);
        assert_eq!(watch.news(), None, "nothing new");
        for port in 1..=100 {
            watch.heard(addr(port), &check(false));
        }
        assert_eq!(watch.news().unwrap().pairs.len(), MAX_REPORTED_PAIRS);
    }

    #[test]
    fn a_handshake_is_counted_until_it_is_done() {
        let mut watch = Watch::default();
        watch.sent(addr(1), &[22; 900]);
        watch.heard(addr(1), &[22; 200]);
        let unreadable = Counters {
            malformed_in: 3,
            ..Counters::default()
        };
        watch.counted(&unreadable, false);
        watch.connected();
        watch.heard(addr(1), &[22; 1_000]);
        watch.counted(&unreadable, false);
        let dtls = watch.report.dtls;
        assert_eq!((dtls.sent, dtls.largest_sent), (1, 900));
        assert_eq!(
            (dtls.received, dtls.largest_received, dtls.unreadable),
            (1, 200, 3)
        );
    }

    #[test]
    fn media_is_told_when_its_meaning_changes_and_not_per_packet() {
        let mut watch = Watch::default();
        watch.connected();
        let packets = |packets_in, packets_out| Counters {
            packets_in,
            packets_out,
            ..Counters::default()
        };
        let mut told = 0;
        for second in 0..60 {
            watch.counted(&packets(50, 10), second == 30);
            told += usize::from(watch.news().is_some());
        }
        assert_eq!(
            told, 3,
            "the first, the twentieth to the client, the report"
        );
    }
}

//! Remote candidates: what is used, what is skipped.

use std::net::SocketAddr;
use std::panic::catch_unwind;
use str0m::Candidate;

/// Most remote candidates per peer and ICE generation (`reliability.md` A8). Each is paired with
/// every local one, and a full ICE agent sends checks to each.
pub const MAX_CANDIDATES: usize = 32;
/// Longest candidate line in bytes. RFC 8839 §5.1 needs fewer than 200.
const MAX_CANDIDATE_BYTES: usize = 512;

/// Why a remote candidate is not used. `Copy`, counted, never logged per candidate; the peer goes
/// on without it (peer-reflexive discovery finds the path of a client that can reach us).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CandidateRefusal {
    /// An mDNS name: only the client's own link could resolve it.
    #[error("the candidate is an mDNS name")]
    Mdns,
    /// The empty end-of-candidates line.
    #[error("the candidate is empty")]
    Empty,
    /// Not UDP.
    #[error("the candidate is not UDP")]
    NotUdp,
    /// Not a candidate, or not one of a single host (multicast, unspecified, port 0).
    #[error("the candidate could not be read")]
    Malformed,
    /// The peer has [`MAX_CANDIDATES`] already.
    #[error("the peer has as many candidates as the box accepts")]
    TooMany,
    /// The peer is gone.
    #[error("the peer is closed")]
    Closed,
}

/// What a client named in one ICE generation.
#[derive(Debug, Default)]
pub(crate) struct RemoteCandidates {
    addresses: Vec<SocketAddr>,
}

impl RemoteCandidates {
    /// The candidate to be given to str0m.
    ///
    /// Accepts `candidate:…` (RFC 8839 §5.1), with or without `a=`. One that was named before
    /// passes without being counted again: clients repeat them with each section and re-offer.
    pub(crate) fn admit(&mut self, line: &str) -> Result<Candidate, CandidateRefusal> {
        let candidate = read(line)?;
        if !self.addresses.contains(&candidate.addr()) {
            if self.addresses.len() >= MAX_CANDIDATES {
                return Err(CandidateRefusal::TooMany);
            }
            self.addresses.push(candidate.addr());
        }
        Ok(candidate)
    }

    /// The client restarts ICE: its earlier candidates are void.
    pub(crate) fn restart(&mut self) {
        self.addresses.clear();
    }
}

fn read(line: &str) -> Result<Candidate, CandidateRefusal> {
    let line = line.trim();
    let line = line.strip_prefix("a=").unwrap_or(line);
    if line.is_empty() || line == "end-of-candidates" || line == "candidate:" {
        return Err(CandidateRefusal::Empty);
    }
    if line.len() > MAX_CANDIDATE_BYTES {
        return Err(CandidateRefusal::Malformed);
    }
    let mut fields = line.split_ascii_whitespace();
    let transport = fields.nth(2).ok_or(CandidateRefusal::Malformed)?;
    if !transport.eq_ignore_ascii_case("udp") {
        return Err(CandidateRefusal::NotUdp);
    }
    let address = fields.nth(1).ok_or(CandidateRefusal::Malformed)?;
    if address.to_ascii_lowercase().ends_with(".local") {
        return Err(CandidateRefusal::Mdns);
    }
    // A foreign parser over foreign bytes: it may fail in any way but ours.
    let candidate = catch_unwind(|| Candidate::from_sdp_string(line))
        .ok()
        .and_then(Result::ok)
        .ok_or(CandidateRefusal::Malformed)?;
    let address = candidate.addr();
    if address.ip().is_multicast() || address.ip().is_unspecified() || address.port() == 0 {
        return Err(CandidateRefusal::Malformed);
    }
    Ok(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_candidates_are_named() {
        use CandidateRefusal::{Empty, Malformed, Mdns, NotUdp};
        for (line, want) in [
            ("", Empty),
            ("  ", Empty),
            ("a=end-of-candidates", Empty),
            (
                "candidate:1 1 udp 2122260223 3f1c8a1e-1a7c-4b5e.local 54321 typ host",
                Mdns,
            ),
            (
                "candidate:1 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active",
                NotUdp,
            ),
            (
                "candidate:1 1 udp 2122260223 224.0.0.1 5000 typ host",
                Malformed,
            ),
            (
                "candidate:1 1 udp 2122260223 0.0.0.0 5000 typ host",
                Malformed,
            ),
            ("candidate:1 1 udp", Malformed),
            ("candidate:1 1 udp x 192.0.2.7 5000 typ host", Malformed),
            ("hello", Malformed),
        ] {
            assert_eq!(read(line).err(), Some(want), "{line}");
        }
    }

    #[test]
    fn the_limit_holds_until_ice_restarts() {
        let line = |port: usize| {
            format!("a=candidate:1 1 UDP 2122260223 192.0.2.7 {port} typ host generation 0")
        };
        let mut candidates = RemoteCandidates::default();
        for port in 1..=MAX_CANDIDATES {
            assert!(candidates.admit(&line(port)).is_ok());
            assert!(candidates.admit(&line(1)).is_ok(), "known");
        }
        let another = line(MAX_CANDIDATES + 1);
        assert_eq!(
            candidates.admit(&another).err(),
            Some(CandidateRefusal::TooMany)
        );
        candidates.restart();
        assert!(candidates.admit(&another).is_ok());
    }
}

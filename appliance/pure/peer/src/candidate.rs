//! Trickled candidates: what is used, what is skipped.

/// Most remote candidates per peer (`reliability.md` A8).
pub const MAX_CANDIDATES: usize = 32;

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
    /// Not a candidate.
    #[error("the candidate could not be read")]
    Malformed,
    /// The peer has [`MAX_CANDIDATES`] already.
    #[error("the peer has as many candidates as the box accepts")]
    TooMany,
    /// The peer is gone.
    #[error("the peer is closed")]
    Closed,
}

//! One WebRTC peer: str0m on one side, the media plane on the other.
//!
//! [`Peer`] owns one str0m `Rtc` in RTP mode. Datagrams, time and commands come in; datagrams,
//! media packets and events come out of [`Peer::poll_output`]. It knows no socket and no clock.
//! A fault inside str0m (a panic, an error that ends it, an output loop that does not settle)
//! ends this peer and nothing else.

mod candidate;
mod certificate;
mod channel;
mod codec;
mod counters;
mod departure;
mod description;
mod egress;
mod extension;
mod gauge;
mod hold;
mod keying;
mod liveness;
mod negotiate;
mod output;
mod peer;
mod receive;
mod section;
mod ssrc;
mod transit;
mod wire;

#[doc(no_inline)]
pub use ::egress::{Counters as EgressCounters, Profile, Slots};
pub use candidate::{CandidateRefusal, MAX_CANDIDATES};
pub use certificate::{Certificate, GenerateCertificateError};
pub use counters::Counters;
pub use egress::{EgressKind, Path};
pub use output::Output;
pub use peer::{Peer, PeerConfig};
pub use wire::is_dtls;

/// Largest session description in bytes that is looked at (`reliability.md` A10).
pub const MAX_SDP_BYTES: usize = 256 * 1024;
/// Most media sections in one session description (`reliability.md` A10).
pub const MAX_SECTIONS: usize = 64;

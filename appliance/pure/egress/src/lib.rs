//! What leaves to one client as SRTP and SRTCP: sealed from shared payloads, in trains.
//!
//! One [`Sender`] per client, beside str0m, which keeps ICE, DTLS, SCTP and everything that comes
//! in. It is told what was negotiated ([`Sender::set_streams`], [`Sender::set_keys`]), what to
//! send ([`Sender::write`]) and what the client reports ([`Sender::handle_rtcp`]); it writes
//! datagrams into [`Slots`] when asked to ([`Sender::transmit`]). It owns no clock or socket.
//!
//! SRTP derives the nonce of a packet from key, SSRC and index (RFC 3711 §4.1, RFC 7714 §8.1).
//! Sealing two packets under one of them gives both away, so an SSRC has one owner, an index is
//! used once, and what was used is remembered as long as the keys live.

mod beat;
mod bits;
mod continuity;
mod counters;
mod event;
mod frame_queue;
mod header;
mod keying;
mod ledger;
mod level;
mod moment;
mod pacer;
mod payload;
mod payload_type;
mod probe;
mod refusal;
mod report;
mod ring;
mod rtcp;
mod sender;
mod slots;
mod srtcp;
mod srtp;
mod stream;
mod vp8;

pub use continuity::{Continuity, Place};
pub use counters::Counters;
pub use event::Event;
pub use keying::{KeyingMaterial, Profile};
pub use payload_type::{PayloadType, fitness};
pub use refusal::{KeyRefusal, RtcpRefusal, WriteRefusal};
pub use sender::{Heard, Sender};
pub use slots::Slots;
pub use stream::{ExtensionIds, StreamConfig};

/// How many blocks a compound RTCP packet has up to its first flaw: what the fuzz targets reach
/// without sealing it.
#[doc(hidden)]
pub fn count_rtcp_blocks(compound: &[u8]) -> usize {
    let mut blocks = 0;
    // What was read before a flaw holds.
    let _ = rtcp::read(compound, |_| blocks += 1);
    blocks
}

//! The server's duties for data packets (`livekit.md` §3): who sent it, to whom it goes, what is
//! held for those who cannot receive yet. The content is nobody's business here.

mod bucket;
mod held;
mod nonces;
pub(crate) mod wire;

pub use held::{HOLD_TIME, MAX_HELD_BYTES, MAX_HELD_MESSAGES};
pub use nonces::{MAX_NONCES, NONCE_LIFE};
pub use wire::MAX_DATA_DESTINATIONS;

pub(crate) use bucket::Bucket;
pub(crate) use held::{Held, HeldMessages, Recipients};
pub(crate) use nonces::Nonces;

/// Largest data message in bytes: SCTP's usual message limit; `LiveKit`'s clients clamp to 64,000.
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// Data messages per second and sender; a burst of one second's worth is accepted. What goes
/// beyond is refused when it is lossy; a sender of reliable messages is slowed instead
/// (`reliability.md` A29: a flood of 10,000/s must not reach the others).
pub const DATA_MESSAGES_PER_SECOND: u32 = 1_000;
/// Packets of data tracks per second and sender; a burst of one second's worth is accepted, what
/// goes beyond is dropped. A frame is cut into packets of some 1,200 bytes, so this is what 10
/// frames of 200 kB or 120 of 8 kB in a second need (`LiveKit`'s own tests), twice.
pub const DATA_TRACK_PACKETS_PER_SECOND: u32 = 4_000;
/// Data bytes per second and sender; limited as [`DATA_MESSAGES_PER_SECOND`] are.
pub const DATA_BYTES_PER_SECOND: u32 = 10_000_000;

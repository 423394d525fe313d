//! ICE over TCP (RFC 6544), for clients whose UDP is blocked.
//!
//! A connection carries datagrams in frames (RFC 4571). Each one gets a UDP socket of its own on
//! this machine, and its frames go to the media threads as any client's datagrams do: what guards
//! those (ICE's integrity, the forgery gate, limits) guards these, and the media path knows nothing
//! of TCP.

mod bridge;
mod framing;
mod stun;
mod waiting;

pub use bridge::{Bridge, Closed};

//! The per-core loop: one thread, its socket, its peers, its rooms.
//!
//! [`start`] opens one UDP port per worker and hands back the running [`Workers`] and the [`Plane`]
//! through which the control plane commands them. Nothing is shared between workers: the map from
//! rooms to workers is the plane's, and what the parts of one room say to each other goes through
//! lanes.

mod arena_slots;
mod counters;
mod demux;
mod handshakes;
mod hearing;
mod load;
mod peers;
mod placement;
mod plane;
mod relays;
mod rooms;
mod run;
mod sockets;
mod stun;
mod tcp;
mod timers;
mod watch;
mod workers;

pub use net::BackendChoice;
pub use peer::EgressKind;
pub use placement::SplitAt;
pub use plane::{MAX_QUEUED_COMMANDS, Plane};
pub use workers::{StartWorkersError, Turns, Workers, WorkersConfig, start};

//! The per-core loop: one thread, its socket, its peers, its rooms.
//!
//! [`start`] opens one UDP port per worker and hands back [`Workers`], the control plane's
//! [`media::MediaPlane`]. Nothing is shared between workers but the map from rooms to workers.

mod workers;

pub use workers::{Backend, BackendChoice, StartWorkersError, Workers, WorkersConfig, start};

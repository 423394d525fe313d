//! What a box on this machine would use.

use firmware_config::Profile;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tuning that this kind of box wants.
    pub profile: Profile,
    /// The data folder.
    pub data: PathBuf,
    /// TCP listeners: HTTP, HTTPS, ICE over TCP.
    pub tcp: Vec<SocketAddr>,
    /// UDP sockets, one per media thread and address.
    pub udp: Vec<SocketAddr>,
    /// Media threads.
    pub workers: usize,
}

//! All workers of the box, as the control plane sees them.

use crossbeam_channel::Sender;
use media::{MediaCommand, MediaEvent, MediaPlane};
use std::net::{IpAddr, SocketAddr};

/// Which network backend is wanted (`net.backend`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// `io_uring` where it works, else portable.
    #[default]
    Auto,
    /// `io_uring` or an error.
    Uring,
    /// epoll.
    Portable,
}

/// Which network backend is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// `io_uring`.
    Uring,
    /// epoll.
    Portable,
    /// Simulation.
    Sim,
}

/// How many workers, on which ports and addresses.
#[derive(Debug, Clone)]
pub struct WorkersConfig {
    /// Media threads; at least 1.
    pub count: usize,
    /// UDP port of worker 0; worker `i` has `first_port + i`. 0: any free ports (tests).
    pub first_port: u16,
    /// Addresses to bind.
    pub addresses: Vec<IpAddr>,
    /// Addresses to announce as candidates; empty: the bound ones.
    pub announced: Vec<IpAddr>,
    /// Which network backend.
    pub backend: BackendChoice,
    /// Pin each worker to a core, where allowed.
    pub pin: bool,
}

/// Why the workers did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartWorkersError {
    /// The port is taken.
    #[error("UDP port {0} is already in use; stop what uses it or choose another with --udp-port")]
    PortInUse(SocketAddr),
}

/// The running workers.
pub struct Workers;

/// Starts the workers; returns when every one has its socket.
///
/// # Errors
/// [`StartWorkersError`] names the port and what to do about it.
pub fn start(
    config: WorkersConfig,
    events: Sender<MediaEvent>,
) -> Result<Workers, StartWorkersError> {
    let _ = (config, events);
    Ok(Workers)
}

impl Workers {
    /// The live network backend.
    pub fn backend(&self) -> Backend {
        Backend::Portable
    }

    /// Why that backend, in one sentence.
    pub fn reason(&self) -> String {
        String::new()
    }

    /// How many workers run.
    pub fn count(&self) -> usize {
        1
    }

    /// The UDP addresses, worker by worker.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    /// Closes every peer and joins the threads; at most one second.
    pub fn stop(self) {}
}

impl MediaPlane for Workers {
    fn send(&self, command: MediaCommand) {
        let _ = command;
    }
}

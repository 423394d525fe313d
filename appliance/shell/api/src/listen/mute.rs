//! Connections on which nothing is said: a device between client and box that lets connections open
//! and nothing through.

use crate::config::HANDSHAKE_TIMEOUT;
use attempt::Door;
use logbook::{Logbook, Origin};
use telemetry::names;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// No first byte came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// Closed before it said anything: a health check, or a scanner; or the box stops.
    Gone,
    /// Open, and nothing said.
    Mute,
}

/// Waits for the first byte, which stays to be read. A box that stops waits for nobody.
pub(super) async fn first_byte(
    stream: &TcpStream,
    drain: &mut watch::Receiver<bool>,
) -> Result<u8, Silence> {
    let mut first = [0];
    let peeked = tokio::select! {
        peeked = timeout(HANDSHAKE_TIMEOUT, stream.peek(&mut first)) => peeked,
        _ = drain.wait_for(|drain| *drain) => return Err(Silence::Gone),
    };
    match peeked {
        Ok(Ok(1)) => Ok(first[0]),
        Ok(_) => Err(Silence::Gone),
        Err(_) => Err(Silence::Mute),
    }
}

impl Silence {
    /// Counts it, and notes an attempt if somebody may be waiting. The logbook bounds what strangers
    /// can fill of it.
    pub(super) fn note(self, logbook: &Logbook, origin: Option<Origin>) {
        metrics::counter!(names::HTTP_REFUSED, "cause" => "silent").increment(1);
        if self == Self::Mute {
            let attempt = logbook.begin(Door::None, origin);
            logbook.refused(attempt);
        }
    }
}

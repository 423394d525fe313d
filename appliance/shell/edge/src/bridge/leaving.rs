//! What is on its way into a connection.

use crate::framing::{HEAD_BYTES, MAX_DATAGRAM_BYTES};
use crate::waiting::{Shed, Waiting};
use std::io;
use std::time::Duration;
use telemetry::names;
use tokio::net::tcp::WriteHalf;
use tokio::time::Instant;

/// A client that takes nothing for so long is gone.
const STALL: Duration = Duration::from_secs(10);

/// Datagrams that have arrived together leave in one write of some this much.
const WRITE_BYTES: usize = 16 * 1024;

/// Frames that wait, and those that are being written.
pub(super) struct Leaving {
    pub(super) waiting: Waiting,
    /// Frames that are being written.
    bytes: Vec<u8>,
    written: usize,
    /// The client has taken nothing by then.
    pub(super) stalled_at: Instant,
}

impl Leaving {
    pub(super) fn new() -> Self {
        Self {
            waiting: Waiting::default(),
            bytes: Vec::with_capacity(WRITE_BYTES + HEAD_BYTES + MAX_DATAGRAM_BYTES),
            written: 0,
            stalled_at: Instant::now() + STALL,
        }
    }

    /// Whether nothing waits for room in the kernel.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Writes what waits, as far as there is room.
    pub(super) fn write(&mut self, to: &WriteHalf<'_>) -> io::Result<()> {
        loop {
            if self.bytes.is_empty() {
                self.waiting.fill(&mut self.bytes, WRITE_BYTES);
                self.stalled_at = Instant::now() + STALL;
            }
            let rest = self.bytes.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            match to.try_write(rest) {
                Ok(length) => self.wrote(length),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn wrote(&mut self, length: usize) {
        self.written += length;
        self.stalled_at = Instant::now() + STALL;
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
        }
    }
}

/// What was shed, in the metric.
pub(super) fn count(shed: Shed) {
    for (kind, datagrams) in [("picture", shed.pictures), ("voice", shed.voices)] {
        if datagrams > 0 {
            metrics::counter!(names::ICE_TCP_SHED, "kind" => kind).increment(datagrams);
        }
    }
}

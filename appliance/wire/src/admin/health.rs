//! How the box is.

use serde::{Deserialize, Serialize};

/// How the box is, at one moment. What is not known is absent, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoxView {
    /// The machine's host name.
    pub name: String,
    /// The daemon's version.
    pub version: String,
    /// Since when it runs.
    pub started_at_ms: u64,
    /// Newcomers are admitted.
    pub ready: bool,
    /// It admits nobody new and ends when the last call has.
    pub draining: bool,
    /// Why it is not ready, or what is degraded; empty when all is well.
    pub problems: Vec<String>,
    /// Network backend and why: `io_uring`, or `epoll: …`.
    pub backend: String,
    /// Media cores.
    pub cores: Vec<CoreView>,
    /// Of the whole process, in percent of one core, last second.
    pub cpu_percent: u32,
    /// Resident memory of the process.
    pub memory_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Most descriptors it may open.
    pub descriptors_max: u64,
    /// Rooms that live.
    pub rooms: u32,
    /// Participants present.
    pub participants: u32,
    /// Packets forwarded per second.
    pub packets_per_second: u64,
    /// Datagrams that the kernel dropped on the way in, since the start.
    pub dropped_in: u64,
    /// Datagrams that could not be sent, since the start.
    pub dropped_out: u64,
    /// The disk under the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskView>,
    /// 99th percentile of the journal's group fsync, last minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsync_p99_ms: Option<f64>,
    /// Certificates in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateView>,
    /// Our clock minus the time server's; absent when no time service says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<f64>,
    /// When the newest backup was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_at_ms: Option<u64>,
    /// Webhooks that wait.
    pub webhooks_waiting: u64,
    /// Events in the journal.
    pub events: u64,
    /// Listening: `443/tcp`, `7882/udp`, ….
    pub ports: Vec<String>,
    /// Participants by path: udp, tcp, turn-tls.
    pub paths: [u32; 3],
    /// Most participants present at once, minute by minute, the last hour, oldest first.
    pub hour: Vec<u32>,
}

/// One media core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CoreView {
    /// Busy, percent of the last second.
    pub busy_percent: u8,
    /// Transports on it.
    pub peers: u32,
    /// Rooms, or parts of rooms, on it.
    pub rooms: u32,
}

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DiskView {
    /// What the service's user could ever fill; without what the file system keeps for root.
    pub total_bytes: u64,
    /// Of this, free.
    pub free_bytes: u64,
    /// When it is full at the present rate; absent when that is more than a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_in_days: Option<u32>,
}

impl DiskView {
    /// Of 100, rounded up, as `df` says it.
    #[must_use]
    pub fn used_percent(&self) -> u64 {
        let used = self.total_bytes.saturating_sub(self.free_bytes);
        let percent = (u128::from(used) * 100).div_ceil(u128::from(self.total_bytes.max(1)));
        u64::try_from(percent).unwrap_or(u64::MAX)
    }
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CertificateView {
    /// `web`, `ca`, ….
    pub role: String,
    /// The name it is for.
    pub subject: String,
    /// When it expires.
    pub expires_at_ms: u64,
}

//! What is an alarm, of what was observed. The delays and words are the alarms' own table.

#[cfg(test)]
mod tests;

use crate::board::AlarmBoard;
use crate::machine::{DISK_DAYS_LOW, DISK_PERMILLE_LOW, MachineReading, OFFSET_MAX, TimeService};
use crate::transports::WorkerReading;
use alarm::Code;
use std::collections::BTreeMap;
use wire::admin::{CertificateView, DiskView};

/// Loss that is an alarm, in thousandths (`console.md`).
pub const LOSS_PERMILLE: u16 = 50;

/// A media core that is busier has no room for a burst.
pub const BUSY_PERCENT: u8 = 90;

/// Descriptors in use, in per cent of what may be, beyond which newcomers will soon be refused.
pub const DESCRIPTORS_PERCENT: u64 = 90;

/// Datagrams dropped within ten seconds that are more than a hiccup.
pub const DROPS_LATELY: u64 = 100;

/// The role of the certificate that browsers see.
const WEB_ROLE: &str = "web";

/// A certificate with less left is to be renewed.
const CERTIFICATE_DAYS: u64 = 30;

/// A backup that is older is late.
const BACKUP_HOURS: u64 = 26;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What was observed in one second.
#[derive(Debug, Clone, Default)]
pub struct Observed<'a> {
    /// Why events cannot be saved; `None`: they can.
    pub store_unwritable: Option<&'a str>,
    /// What is damaged of the journal or its index.
    pub store_damaged: Option<&'a str>,
    /// Why the audit journal takes nothing; `None`: it does.
    pub audit_unwritable: Option<&'a str>,
    /// Every media thread.
    pub workers: &'a [WorkerReading],
    /// The machine.
    pub machine: MachineReading,
    /// Participants that lose more than [`LOSS_PERMILLE`], by subnet.
    pub losses: BTreeMap<String, u32>,
    /// Attempts that got no media over UDP, by subnet from which none did.
    pub blocked: BTreeMap<String, u32>,
    /// Why `io_uring` is not used although it may be; `None`: it is, or is not wanted.
    pub ring_refused: Option<&'a str>,
    /// Webhooks that wait while none is delivered; `None`: nothing is stuck.
    pub webhooks_stuck: Option<u64>,
    /// Certificates in use.
    pub certificates: &'a [CertificateView],
    /// Why clients refuse the certificate in use, other than its end; `None`: they do not.
    pub certificate_invalid: Option<&'a str>,
    /// Why a new certificate was not taken; `None`: the one in use is the newest.
    pub certificate_refused: Option<&'a str>,
    /// When the newest backup was made; `None`: not known, which is no alarm.
    pub backup_at_ms: Option<u64>,
    /// Now, on the box's clock.
    pub now_ms: u64,
}

/// Raises and clears what the observation says.
pub fn judge(board: &AlarmBoard, observed: &Observed<'_>) {
    board.set(Code::StoreUnwritable, "", observed.store_unwritable);
    board.set(Code::StoreDamaged, "", observed.store_damaged);
    board.set(Code::AuditUnwritable, "", observed.audit_unwritable);
    board.set(Code::RingFallback, "", observed.ring_refused);
    workers(board, observed.workers);
    machine(board, &observed.machine);
    losses(board, &observed.losses);
    blocked(board, &observed.blocked);
    certificates(board, observed);
    let webhooks = observed
        .webhooks_stuck
        .map(|waiting| format!("{waiting} webhooks wait and none was delivered"));
    board.set(Code::WebhooksLate, "", webhooks.as_deref());
    let backup = observed.backup_at_ms.and_then(|at| {
        let hours = observed.now_ms.saturating_sub(at) / HOUR_MS;
        (hours > BACKUP_HOURS).then(|| format!("the newest backup is {hours} h old"))
    });
    board.set(Code::BackupLate, "", backup.as_deref());
    board.tick();
}

fn workers(board: &AlarmBoard, workers: &[WorkerReading]) {
    for (place, worker) in workers.iter().enumerate() {
        let subject = format!("media-{place}");
        let down = worker.down.then(|| {
            format!(
                "the media thread of {} rooms has stopped turning",
                worker.rooms
            )
        });
        board.set(Code::MediaDown, &subject, down.as_deref());
        let is_busy = worker.busy_percent >= BUSY_PERCENT && !worker.down;
        let busy = is_busy.then(|| format!("busy {BUSY_PERCENT} % of the time or more"));
        board.set(Code::MediaBusy, &subject, busy.as_deref());
    }
}

fn machine(board: &AlarmBoard, machine: &MachineReading) {
    if let Some(disk) = machine.disk {
        board.set(Code::DiskLow, "", disk_low(disk).as_deref());
    }
    let descriptors = machine.descriptors.zip(machine.descriptors_max);
    if let Some((open, most)) = descriptors {
        let is_low = open.saturating_mul(100) >= most.saturating_mul(DESCRIPTORS_PERCENT);
        let low = is_low.then(|| format!("more than {DESCRIPTORS_PERCENT} % of {most} are open"));
        board.set(Code::FdsLow, "", low.as_deref());
    }
    let drops = machine.dropped_lately;
    let drops =
        (drops >= DROPS_LATELY).then(|| "the kernel drops datagrams to the media ports".to_owned());
    board.set(Code::ReceiveDrops, "", drops.as_deref());
    let step = machine.step_ms.map(|step| {
        let (direction, seconds) = (
            if step > 0 { "ahead" } else { "back" },
            step.unsigned_abs() / 1_000,
        );
        format!("the clock was set {direction} by {seconds} s")
    });
    board.set(Code::ClockStep, "", step.as_deref());
    let offset = match machine.time {
        Some(TimeService::Unsynchronised) => Some("the time service follows no server".to_owned()),
        Some(TimeService::Offset(ms)) if ms.abs() > OFFSET_MAX.as_millis() as f64 => {
            Some(format!("{ms:+.0} ms from the time server"))
        }
        Some(TimeService::Offset(_)) | None => None,
    };
    board.set(Code::ClockUnsynced, "", offset.as_deref());
}

fn disk_low(disk: DiskView) -> Option<String> {
    let permille = disk.free_bytes.saturating_mul(1_000) / disk.total_bytes.max(1);
    let days = disk.full_in_days.filter(|days| *days < DISK_DAYS_LOW);
    match days {
        Some(days) => Some(format!("at the present rate it is full in {days} days")),
        None if permille < DISK_PERMILLE_LOW => {
            Some(format!("less than {} % is free", DISK_PERMILLE_LOW / 10))
        }
        None => None,
    }
}

/// One network is one cause, however many people it touches.
fn losses(board: &AlarmBoard, losses: &BTreeMap<String, u32>) {
    for (subnet, count) in losses {
        let text = format!(
            "{count} people lose more than {} % of their packets",
            LOSS_PERMILLE / 10
        );
        board.raise(Code::Loss, subnet, &text, *count);
    }
    let subnets: Vec<String> = losses.keys().cloned().collect();
    board.only(Code::Loss, &subnets);
}

fn blocked(board: &AlarmBoard, blocked: &BTreeMap<String, u32>) {
    for (subnet, count) in blocked {
        let text = format!("{count} attempts of the last hour got no media over UDP, none did");
        board.raise(Code::UdpBlock, subnet, &text, *count);
    }
    let subnets: Vec<String> = blocked.keys().cloned().collect();
    board.only(Code::UdpBlock, &subnets);
}

fn certificates(board: &AlarmBoard, observed: &Observed<'_>) {
    board.set(Code::CertRefused, "", observed.certificate_refused);
    for certificate in observed.certificates {
        let left = certificate.expires_at_ms.checked_sub(observed.now_ms);
        let days = left.map(|left| left / DAY_MS);
        let expired = left.is_none().then_some("it has expired");
        let invalid = observed.certificate_invalid;
        let invalid = invalid.filter(|_| certificate.role == WEB_ROLE);
        board.set(Code::CertExpired, &certificate.role, expired.or(invalid));
        let soon = days.filter(|days| *days < CERTIFICATE_DAYS);
        let soon = soon.map(|days| format!("it expires in {days} days"));
        board.set(Code::Cert30d, &certificate.role, soon.as_deref());
    }
}

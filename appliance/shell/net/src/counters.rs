//! What a reactor counts: plain numbers of one thread, copied out on demand.

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum DropCause {
    /// In: longer than [`crate::MAX_DATAGRAM_BYTES`] or cut off by the kernel. Out: longer or empty.
    Oversized,
    /// In: the sender's address could not be read.
    Unaddressed,
    /// Out: no room in the send arena even after a flush.
    ArenaFull,
    /// Out: unknown socket, or an IPv6 destination on an IPv4 socket and the reverse.
    WrongSocket,
    /// Out: the socket's send buffer stayed full for longer than `MAX_STALL`, or sending the
    /// datagram later would have changed its destination's order.
    SendBufferFull,
    /// Out: the kernel knows no way there (`ENETUNREACH`, `EHOSTUNREACH`, `ECONNREFUSED`, …).
    Unreachable,
    /// Out: the kernel forbids it (`EPERM`, `EACCES`: a packet filter).
    Forbidden,
    /// Out: any other refusal of that one datagram.
    Refused,
    /// Sim: lost on the simulated network, or nobody is bound there.
    SimulatedLoss,
}

impl DropCause {
    /// All causes.
    pub const ALL: [Self; 9] = [
        Self::Oversized,
        Self::Unaddressed,
        Self::ArenaFull,
        Self::WrongSocket,
        Self::SendBufferFull,
        Self::Unreachable,
        Self::Forbidden,
        Self::Refused,
        Self::SimulatedLoss,
    ];

    /// The cause as a metric label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Oversized => "oversized",
            Self::Unaddressed => "unaddressed",
            Self::ArenaFull => "arena_full",
            Self::WrongSocket => "wrong_socket",
            Self::SendBufferFull => "send_buffer_full",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Refused => "refused",
            Self::SimulatedLoss => "simulated_loss",
        }
    }
}

/// Train lengths in datagrams; the last bucket ends at the kernel's limit.
pub const TRAIN_BUCKETS: [&str; 6] = ["1", "2-3", "4-7", "8-15", "16-31", "32-64"];

/// Absolute counts since the reactor was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams handed to the callback.
    pub datagrams_in: u64,
    /// Their payload bytes.
    pub bytes_in: u64,
    /// Kernel deliveries that carried them (one `UDP_GRO` train counts once).
    pub trains_in: u64,
    /// Datagrams the kernel accepted.
    pub datagrams_out: u64,
    /// Their payload bytes.
    pub bytes_out: u64,
    /// Sends that carried them (one `UDP_SEGMENT` train counts once).
    pub trains_out: u64,
    /// Sends by length, bounds in [`TRAIN_BUCKETS`].
    pub train_lengths: [u64; TRAIN_BUCKETS.len()],
    /// Drops by [`DropCause`], in the order of [`DropCause::ALL`].
    pub drops: [u64; DropCause::ALL.len()],
    /// Times the receive buffers ran out and receiving had to be armed again (`ENOBUFS`). What
    /// arrives meanwhile waits in the socket's own buffer.
    pub buffer_exhaustions: u64,
    /// Errors that a socket reported instead of a datagram (an ICMP message, mostly).
    pub receive_errors: u64,
    /// Times a full send buffer stopped a socket for a moment.
    pub send_stalls: u64,
    /// Destinations that refused a train and get single datagrams since.
    pub train_refusals: u64,
    /// Kernel entries for waiting, submitting and sending: the loop's system calls.
    pub kernel_entries: u64,
}

impl Counters {
    /// Drops for one cause.
    pub fn dropped(&self, cause: DropCause) -> u64 {
        self.drops.get(cause as usize).copied().unwrap_or_default()
    }

    /// Drops for all causes.
    pub fn dropped_total(&self) -> u64 {
        self.drops.iter().sum()
    }

    pub(crate) fn count_drop(&mut self, cause: DropCause, datagrams: u64) {
        if let Some(count) = self.drops.get_mut(cause as usize) {
            *count += datagrams;
        }
    }

    pub(crate) fn count_sent(&mut self, datagrams: u32, bytes: u32) {
        self.datagrams_out += u64::from(datagrams);
        self.bytes_out += u64::from(bytes);
        self.trains_out += 1;
        let bucket = (datagrams.max(1).ilog2() as usize).min(TRAIN_BUCKETS.len() - 1);
        if let Some(count) = self.train_lengths.get_mut(bucket) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn train_lengths_fall_into_their_bucket() {
        for (length, bucket) in [
            (1, 0),
            (2, 1),
            (3, 1),
            (4, 2),
            (7, 2),
            (8, 3),
            (15, 3),
            (16, 4),
            (31, 4),
            (32, 5),
            (64, 5),
        ] {
            let mut counters = Counters::default();
            counters.count_sent(length, 100);
            assert_eq!(
                counters.train_lengths.iter().position(|n| *n == 1),
                Some(bucket),
                "{length}"
            );
        }
    }

    #[test]
    fn every_cause_has_its_own_place_and_label() {
        for (place, cause) in DropCause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{}", cause.label());
        }
    }
}

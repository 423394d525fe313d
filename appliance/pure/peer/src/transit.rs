//! What waits in str0m's pacer: how long, and which publisher's packet each is.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::rtp::Ssrc;

/// Most video packets that may wait in the pacer of one peer. 1,024 packets are 1.2 MB: more than
/// a second at 8 Mbit/s. What comes on top is dropped and counted; the viewer asks for a keyframe.
pub(crate) const MAX_PACED_PACKETS: usize = 1_024;
/// While a section's oldest packet has waited longer than this, nothing more joins it: the viewer
/// asks for a keyframe, which finds a short queue. str0m has no call that takes packets out again;
/// what waits already it sends within two seconds on average, whatever the estimate.
pub(crate) const MAX_PACED_AGE: Duration = Duration::from_secs(1);
/// An arrival older than this no longer belongs to what is sent: str0m dropped packets without a
/// word (a section was deactivated), and the rest is forgotten.
const STALE: Duration = Duration::from_secs(5);

/// Arrival times of packets that str0m has and has not sent, per kind in order of writing. Video
/// of several sections can leave in another order; the figures then mix neighbours, not their sum.
#[derive(Debug, Default)]
pub(crate) struct Transit {
    audio: VecDeque<Instant>,
    video: VecDeque<Instant>,
}

impl Transit {
    /// Whether the pacer holds as much video as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.video.len() >= MAX_PACED_PACKETS
    }

    pub(crate) fn wrote(&mut self, is_audio: bool, arrival: Instant) {
        let queue = self.queue(is_audio);
        if queue.len() >= MAX_PACED_PACKETS {
            queue.pop_front();
        }
        queue.push_back(arrival);
    }

    /// The arrival of the packet that is leaving.
    pub(crate) fn sent(&mut self, is_audio: bool, now: Instant) -> Option<Instant> {
        let queue = self.queue(is_audio);
        let arrival = queue.pop_front()?;
        if now.saturating_duration_since(arrival) > STALE {
            queue.clear();
            return None;
        }
        Some(arrival)
    }

    fn queue(&mut self, is_audio: bool) -> &mut VecDeque<Instant> {
        if is_audio {
            &mut self.audio
        } else {
            &mut self.video
        }
    }
}

/// How long the oldest packet of this stream had waited when str0m last looked.
pub(crate) fn longest_wait(rtc: &mut Rtc, ssrc: Ssrc) -> Option<Duration> {
    let mut direct = rtc.direct_api();
    let queue = direct.stream_tx(&ssrc)?.queue_info()?;
    let oldest = queue.first_unsent()?;
    Some(queue.created_at().saturating_duration_since(oldest))
}

//! What a sender tells the media plane.

use media::Mid;
use media::packet::LossReport;
use vocab::Bitrate;

/// What a sender tells the media plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// The client asks for a keyframe (PLI, FIR), or what it was to get has been dropped.
    KeyframeRequest {
        /// The section.
        mid: Mid,
    },
    /// What the path takes has changed.
    Estimate(Bitrate),
    /// What the client reports of a section.
    Loss(LossReport),
}

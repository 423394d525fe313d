//! What crosses between the parts of a room that lives on several cores.
//!
//! Every part is a [`crate::Room`] that knows all participants and tracks, and has the transports
//! of its own participants. A track goes once to each part where somebody watches it, in the
//! layers that are wanted there; everything else about it is decided by the part that shows it.

use crate::data::Recipients;
use crate::layer_choice::LayerSet;
use crate::packet::{Channel, Codec, Layer, Packet, SenderReport};
use crate::room::LayerStart;
use bytes::Bytes;
use std::time::Instant;
use vocab::{ParticipantKey, ParticipantSid, TrackKey};

/// A part of a room: the number of the worker it lives on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartKey(pub usize);

/// From one part of a room to another; drained with [`crate::Room::poll_relay`].
#[derive(Debug, Clone)]
pub struct Relay {
    /// The other part.
    pub to: PartKey,
    /// What it is to hear.
    pub relayed: Relayed,
}

/// What one part says to another. A lane keeps the order.
#[derive(Debug, Clone)]
pub enum Relayed {
    /// A packet of a track, as it came from the publisher.
    Packet {
        /// Whose.
        track: TrackKey,
        /// The packet; its payload is shared, not copied.
        packet: Packet,
    },
    /// A publisher's sender report.
    Report {
        /// Of which track.
        track: TrackKey,
        /// The report.
        report: SenderReport,
        /// When it came.
        at: Instant,
    },
    /// From here on packets of these layers follow; their numbers continue nothing.
    Begins {
        /// Of which track.
        track: TrackKey,
        /// What is known of each layer that begins, lowest first. Boxed: it is large and rare.
        starts: Box<[Option<LayerStart>; 3]>,
    },
    /// The layers that viewers of the sending part want; replaces what was said before.
    Wanted {
        /// Of which track.
        track: TrackKey,
        /// All of them.
        layers: LayerSet,
    },
    /// Somebody at the sending part waits for a keyframe.
    Keyframe {
        /// Of which track.
        track: TrackKey,
        /// Of which layer.
        layer: Layer,
    },
    /// A data message, checked and stamped.
    Data(RelayedData),
    /// A packet of a data track that has viewers at the receiving part.
    DataTrack {
        /// Whose track.
        publisher: ParticipantKey,
        /// Under the publisher's handle.
        packet: Bytes,
    },
    /// The sending part failed and is gone.
    PartEnded,
}

/// A data message on its way to another part.
#[derive(Debug, Clone)]
pub struct RelayedData {
    pub(crate) channel: Channel,
    pub(crate) sender: (ParticipantKey, ParticipantSid),
    pub(crate) sequence: u32,
    pub(crate) nonce: Option<[u8; 16]>,
    pub(crate) recipients: Recipients,
    pub(crate) is_held: bool,
    pub(crate) payload: Bytes,
}

/// What a full lane does with a message, least important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// Let go first: video and data without a promise.
    Video,
    /// Let go last.
    Audio,
    /// Never let go.
    Promised,
}

impl Relayed {
    /// Whether a full lane may let it go.
    #[must_use]
    pub fn precedence(&self) -> Precedence {
        match self {
            Self::Packet { packet, .. } => match packet.codec {
                Codec::Opus | Codec::Red => Precedence::Audio,
                Codec::Vp8 | Codec::H264 { .. } | Codec::Vp9 { .. } | Codec::Av1 => {
                    Precedence::Video
                }
            },
            Self::DataTrack { .. } => Precedence::Video,
            Self::Data(data) if data.channel != Channel::Reliable => Precedence::Video,
            Self::Data(_)
            | Self::Report { .. }
            | Self::Begins { .. }
            | Self::Wanted { .. }
            | Self::Keyframe { .. }
            | Self::PartEnded => Precedence::Promised,
        }
    }
}

//! One packet of a batch that is about to leave.

use crate::header::{Plan, Values};
use crate::level::Length;
use crate::payload::Packet;
use crate::stream::Stream;

/// The original sequence number in front of a retransmission (RFC 4588 §4).
pub(crate) const OSN_LEN: usize = 2;

/// What leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// The front of the stream's queue.
    Media,
    /// What the stream remembers by this number.
    Resend(u64),
}

/// One packet of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leaving {
    pub(crate) place: usize,
    pub(crate) content: Content,
    pub(crate) plan: Plan,
    pub(crate) length: Length,
}

impl Leaving {
    pub(crate) fn new(
        place: usize,
        stream: &Stream,
        packet: &Packet,
        content: Content,
        tag_len: usize,
    ) -> Self {
        let values = Values::of(packet, stream.announced_mid());
        let plan = values.plan(&stream.config.extensions);
        let prefix = match content {
            Content::Media => 0,
            Content::Resend(_) => OSN_LEN,
        };
        let own = plan.header_len() + prefix + packet.payload().len() + tag_len;
        Self {
            place,
            content,
            plan,
            length: Length::new(own),
        }
    }
}

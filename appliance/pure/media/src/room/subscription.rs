//! One participant watching one track in one section of one transport.

use crate::packet::{Kind, Layer, Mid};
use crate::plane::LayerWish;
use crate::rewrite::{Input, Rewriter, Rewritten, Source};
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey};

/// Subscriptions on one transport; beyond it `Subscribe` is ignored. A room of 50 in which
/// everybody watches everybody needs 98.
pub const MAX_SUBSCRIPTIONS_PER_PEER: usize = 512;

/// A subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) subscriber: ParticipantKey,
    pub(super) participant: usize,
    pub(super) peer: usize,
    pub(super) peer_key: PeerKey,
    pub(super) mid: Mid,
    pub(super) track: usize,
    pub(super) kind: Kind,
    pub(super) wish: LayerWish,
    /// Everything but bandwidth agrees: wished, permitted on both sides, not muted, connected.
    pub(super) active: bool,
    /// What it is to be given; [`Self::current`] follows at the next keyframe.
    pub(super) target: Option<Layer>,
    /// What it is given.
    pub(super) current: Option<Layer>,
    /// The layer shown no longer fits; it is shown until then at most.
    pub(super) overdrawn_until: Option<Instant>,
    /// Stopped for want of bandwidth, since when.
    pub(super) starved_since: Option<Instant>,
    pub(super) rewriter: Rewriter,
}

impl Subscription {
    /// Somebody is waiting for a keyframe of this layer.
    pub(super) fn awaited(&self) -> Option<Layer> {
        self.target
            .filter(|target| self.active && self.current != Some(*target))
    }

    /// Stopped for want of bandwidth.
    pub(super) fn is_starved(&self) -> bool {
        self.starved_since.is_some()
    }

    /// Nothing more is forwarded until a keyframe, or the next packet of audio.
    pub(super) fn stop(&mut self) {
        self.current = None;
        self.rewriter.pause();
    }

    /// A packet's numbers for this subscriber; `None`: not for it.
    ///
    /// Cuts over only on a keyframe that is the newest packet of its layer: when its first packet
    /// comes late, those after it are already gone.
    pub(super) fn forward(
        &mut self,
        input: &Input,
        is_newest: bool,
        starts_keyframe: bool,
        align: impl FnOnce(Source, u32) -> Option<u32>,
    ) -> Option<Rewritten> {
        let layer = input.source.layer;
        let begins = is_newest
            && match self.kind {
                Kind::Audio => {
                    !self.rewriter.is_open() || self.rewriter.last_source() != Some(input.source)
                }
                Kind::Video => starts_keyframe && self.awaited() == Some(layer),
            };
        if !begins {
            return self.rewriter.map(input);
        }
        self.current = Some(layer);
        let last = self.rewriter.last_source();
        let aligned = last.and_then(|on| align(on, self.rewriter.clock_rate()));
        Some(self.rewriter.begin(input, aligned))
    }
}

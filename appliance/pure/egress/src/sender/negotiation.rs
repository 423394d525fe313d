//! Which streams there are.

use super::Sender;
use crate::ledger::MAX_SSRCS;
use crate::stream::{Stream, StreamConfig};
use media::Kind;

impl Sender {
    /// The sections as negotiated, in the order of their priority. What is missing is forgotten,
    /// but for its indices. A second stream for a section or an SSRC is refused and counted.
    pub fn set_streams(&mut self, streams: &[StreamConfig]) {
        let mut old: Vec<Option<Stream>> = self.streams.drain(..).map(Some).collect();
        let mut kept: Vec<(&StreamConfig, Option<Stream>)> = Vec::new();
        for config in streams {
            if !is_new(config, kept.iter().map(|(config, _)| *config)) {
                self.counters.streams_refused += 1;
                continue;
            }
            let known = old
                .iter_mut()
                .find(|s| s.as_ref().is_some_and(|s| s.is(config)));
            kept.push((config, known.and_then(Option::take)));
        }
        for mut stream in old.into_iter().flatten() {
            let dropped = stream.queue.clear();
            self.queued_packets -= dropped;
            self.counters.dropped_by_change += dropped as u64;
            for mark in stream.marks().into_iter().flatten() {
                self.ledger.put(mark);
            }
        }
        for (config, known) in kept {
            let stream = if let Some(mut stream) = known {
                stream.renew(config);
                stream
            } else if self.has_room_for(config) {
                Stream::new(config.clone(), &mut self.ledger, &mut self.random)
            } else {
                self.counters.streams_refused += 1;
                continue;
            };
            self.streams.push(stream);
        }
        self.settle_streams();
    }

    fn has_room_for(&self, config: &StreamConfig) -> bool {
        let is_known = self.ledger.knows(config.ssrc);
        is_known || self.ledger.len() + 2 * self.streams.len() + 2 <= MAX_SSRCS
    }

    /// What depends on which streams there are.
    fn settle_streams(&mut self) {
        let streams = self.streams.iter().enumerate();
        self.places = streams.map(|(place, s)| (s.config.mid, place)).collect();
        self.places.sort_unstable();
        self.watched.clear();
        self.seconds.clear();
        self.queued.reset(self.streams.len());
        self.resending.reset(self.streams.len());
        self.has_transport_cc = false;
        (self.can_pad, self.has_begun) = (false, false);
        let shows = |s: &&Stream| s.config.kind == Kind::Video && s.config.sending;
        self.beat
            .set_tracks(self.streams.iter().filter(shows).count());
        for place in 0..self.streams.len() {
            if self.streams.get(place).is_some_and(|s| !s.config.sending) {
                self.drop_queue(place);
            }
            let Some(stream) = self.streams.get(place) else {
                continue;
            };
            self.queued.set(place, !stream.queue.is_empty());
            self.resending.set(place, !stream.resends.is_empty());
            self.has_transport_cc |= stream.config.extensions.transport_cc.is_some();
            self.can_pad |= stream.can_resend();
            self.has_begun |= stream.can_resend() && stream.last.is_some();
        }
    }

    /// Drops what waits on a stream.
    pub(super) fn drop_queue(&mut self, place: usize) {
        let Some(stream) = self.streams.get_mut(place) else {
            return;
        };
        let dropped = stream.queue.clear();
        stream.resends.clear();
        self.queued.set(place, false);
        self.queued_packets -= dropped;
        self.counters.dropped_by_change += dropped as u64;
    }
}

/// Whether section and SSRCs have no other owner.
fn is_new<'a>(config: &StreamConfig, mut others: impl Iterator<Item = &'a StreamConfig>) -> bool {
    let has = |other: &StreamConfig, ssrc| other.ssrc == ssrc || other.rtx == Some(ssrc);
    config.rtx != Some(config.ssrc)
        && others.all(|other| {
            other.mid != config.mid
                && !has(other, config.ssrc)
                && config.rtx.is_none_or(|rtx| !has(other, rtx))
        })
}

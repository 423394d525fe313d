//! Links of single clients, and what the viewers behind them got.

use crate::network::Way;
use crate::network::link::LinkSpec;
use crate::sim::Sim;
use media::Layer;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// One microphone's packets are so far apart.
const AUDIO_TIME: Duration = Duration::from_millis(20);

/// How a voice came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// Packets encoded from the first heard to the last heard.
    pub sent: usize,
    /// Those that never came.
    pub lost: usize,
    /// The longest wait of any beyond the shortest.
    pub delay: Duration,
}

impl Sim {
    /// Puts a link in front of a client, for what it is sent; its index. Others may share it.
    pub fn link_down(&mut self, names: &[&str], spec: LinkSpec) -> usize {
        self.link(names, Way::Down, spec)
    }

    /// The same for what it sends.
    pub fn link_up(&mut self, names: &[&str], spec: LinkSpec) -> usize {
        self.link(names, Way::Up, spec)
    }

    /// What a client is sent passes a link that is there already.
    pub fn share_link_down(&mut self, name: &str, link: usize) {
        let client = self.index(name);
        self.network.route(client, Way::Down, link);
    }

    fn link(&mut self, names: &[&str], way: Way, spec: LinkSpec) -> usize {
        let now = self.now();
        let link = self.network.add_link(spec, now);
        for name in names {
            let client = self.index(name);
            self.network.route(client, way, link);
        }
        link
    }

    /// A link becomes another.
    pub fn change_link(&mut self, link: usize, spec: LinkSpec) {
        let now = self.now();
        self.network.link(link).set(spec, now);
    }

    /// Bytes that went through a link and datagrams that found it full, since the beginning.
    pub fn link_totals(&mut self, link: usize) -> (u64, u64) {
        let link = self.network.link(link);
        (link.carried, link.dropped)
    }

    /// A client's address changes, as behind a translator that forgot it.
    pub fn remap(&mut self, name: &str, port: u16) {
        let index = self.index(name);
        let client = &mut self.clients[index];
        let ip = client.mapped().ip();
        client.remap(SocketAddr::new(ip, port));
    }

    /// What the box counted of a client since the last call.
    pub fn take_counters(&mut self, name: &str) -> peer::Counters {
        let client = self.index(name);
        self.server.take_counters(client)
    }

    /// How the estimate of a client's path went from `since` on, in kbit/s.
    pub fn estimates(&self, name: &str, since: Instant) -> Vec<(Duration, u64)> {
        let client = self.index(name);
        let all = self.server.estimates.iter();
        all.filter(|(at, of, _)| *of == client && *at >= since)
            .map(|(at, _, estimate)| (*at - since, estimate.0 / 1_000))
            .collect()
    }

    /// The mean estimate of a client's path from `since` on, in bits per second.
    pub fn mean_estimate(&self, name: &str, since: Instant) -> f64 {
        let client = self.index(name);
        let all = self.server.estimates.iter();
        let mut known = all.filter(|(_, of, _)| *of == client).peekable();
        let (mut at, mut sum) = (since, 0.0);
        while let Some((_, _, estimate)) = known.next() {
            let until = known.peek().map_or(self.now(), |(next, ..)| *next);
            let until = until.max(at);
            sum += (until - at).as_secs_f64() * estimate.0 as f64;
            at = until;
        }
        sum / (self.now() - since).as_secs_f64()
    }

    /// Of the frames that the box sent in this time (a frame that it left for a better layer's is
    /// none), how many were complete `within` so
    /// long after the first packet was written, and how many there were.
    pub fn complete_frames(
        &self,
        viewer: &str,
        publisher: &str,
        (from, until): (Instant, Instant),
        within: Duration,
    ) -> (usize, usize) {
        let (viewer, publisher) = (self.index(viewer), self.index(publisher) as u8);
        let (mut complete, mut sent) = (0, 0);
        for ((client, name), begun) in &self.server.ledger.begun {
            let is_meant = *client == viewer && name.0 == publisher && name.1.is_some();
            let is_then = (from..until).contains(&begun.at);
            if !(is_meant && is_then && begun.is_whole()) {
                continue;
            }
            sent += 1;
            let mut frames = self.clients[viewer].viewers.iter();
            let done = frames.find_map(|v| v.frames.get(name)?.complete);
            complete += usize::from(done.is_some_and(|at| at <= begun.at + within));
        }
        (complete, sent)
    }

    /// Pictures shown from `since` on, by layer.
    pub fn frames_shown(&self, viewer: &str, publisher: &str, since: Instant) -> [usize; 3] {
        let mut frames = [0; 3];
        for shown in self.shown_to(viewer, publisher) {
            if shown.at >= since
                && let Some(layer) = shown.layer
            {
                frames[layer as usize] += 1;
            }
        }
        frames
    }

    /// When a viewer last saw a picture of a layer other than `layer`, after `since`; `None`:
    /// never.
    pub fn last_other(
        &self,
        viewer: &str,
        publisher: &str,
        layer: Layer,
        since: Instant,
    ) -> Option<Duration> {
        let shown = self.shown_to(viewer, publisher);
        let other = shown.iter().rev().find(|s| s.layer != Some(layer))?;
        other.at.checked_duration_since(since)
    }

    /// When the box last began to send a frame of a layer above `layer`, after `since` and before
    /// the path recovered; `None`: never.
    pub fn last_sent_above(
        &self,
        viewer: &str,
        publisher: &str,
        layer: Layer,
        since: Instant,
    ) -> Option<Duration> {
        let (viewer, publisher) = (self.index(viewer), self.index(publisher) as u8);
        let begun = self.server.ledger.begun.iter();
        begun
            .filter(|((client, name), begun)| {
                let is_meant = *client == viewer && name.0 == publisher;
                is_meant && name.1 > Some(layer) && begun.at >= since
            })
            .map(|(_, begun)| begun.at - since)
            .max()
    }

    /// Bits per second of pictures that came, from `since` on, payloads alone.
    pub fn video_rate(&self, viewer: &str, publisher: &str, since: Instant) -> f64 {
        let publisher = self.index(publisher) as u8;
        let viewers = &self.clients[self.index(viewer)].viewers;
        let received = viewers.iter().flat_map(|v| &v.received);
        let bytes: usize = received
            .filter(|(at, of, _)| *at >= since && *of == publisher)
            .map(|(.., bytes)| bytes)
            .sum();
        bytes as f64 * 8.0 / (self.now() - since).as_secs_f64()
    }

    /// When a voice packet last came more than `wait` later than the fastest, after `since`.
    pub fn last_late_voice(
        &self,
        viewer: &str,
        publisher: &str,
        since: Instant,
        wait: Duration,
    ) -> Duration {
        let heard = self.heard_by(viewer, publisher);
        let encoded =
            |heard: &crate::Shown| heard.at.checked_sub(AUDIO_TIME * heard.frame).unwrap();
        let least = heard.iter().map(encoded).min();
        let late = heard
            .iter()
            .filter(|h| least.is_some_and(|least| encoded(h) > least + wait));
        let last = late.map(|h| h.at).max();
        last.map_or(Duration::ZERO, |at| at.saturating_duration_since(since))
    }

    /// How the voice of `publisher` came through from `since` on.
    pub fn voice(&self, viewer: &str, publisher: &str, since: Instant) -> Voice {
        let heard = self.heard_by(viewer, publisher);
        let mut heard: Vec<_> = heard.iter().filter(|h| h.at >= since).collect();
        heard.sort_by_key(|h| h.frame);
        heard.dedup_by_key(|h| h.frame);
        let wait = |h: &&crate::Shown| h.at.checked_sub(AUDIO_TIME * h.frame).unwrap();
        let least = heard.iter().map(wait).min();
        let most = heard.iter().map(wait).max();
        let span = heard.first().zip(heard.last());
        let sent = span.map_or(0, |(first, last)| (last.frame - first.frame + 1) as usize);
        Voice {
            sent,
            lost: sent - heard.len(),
            delay: least.zip(most).map_or(Duration::ZERO, |(a, b)| b - a),
        }
    }
}

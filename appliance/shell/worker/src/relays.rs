//! Lanes between workers, for rooms that live on several.
//!
//! A lane has one writer and one reader and is bounded. When it fills, video goes first, then
//! audio; what was promised (wishes, keyframe requests, reliable data) waits for its turn. The
//! reader is woken once per turn of the writer.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use media::relay::{PartKey, Precedence, Relayed};
use net::Waker;
use std::collections::VecDeque;
use vocab::RoomKey;

/// Messages in one lane: a quarter of a second of 50 publishers at 300 packets/s.
pub(crate) const LANE_LENGTH: usize = 4_096;
/// Messages from which on video is let go, so that audio and promises still fit.
pub(crate) const VIDEO_LIMIT: usize = LANE_LENGTH / 4 * 3;
/// Promised messages that wait for a lane; beyond it data is let go, as it is for a transport
/// that does not read. What else is promised comes a few times a second and track.
pub(crate) const MAX_BACKLOG: usize = 4_096;

/// One message of one room.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) room: RoomKey,
    pub(crate) relayed: Relayed,
}

/// What became of the messages to other workers, absolute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Went into a lane, or wait for it.
    pub(crate) sent: u64,
    /// Video and data without a promise that found the lane full.
    pub(crate) video_dropped: u64,
    /// Audio that found the lane full.
    pub(crate) audio_dropped: u64,
    /// Reliable data beyond [`MAX_BACKLOG`].
    pub(crate) data_dropped: u64,
}

/// One worker's end of the two lanes that join it with another.
#[derive(Debug)]
pub(crate) struct Link {
    with: PartKey,
    out: Sender<Parcel>,
    backlog: VecDeque<Parcel>,
    waker: Waker,
    has_news: bool,
    inlet: Receiver<Parcel>,
}

impl Link {
    /// Both ends: `a`'s, then `b`'s.
    pub(crate) fn pair(a: (PartKey, &Waker), b: (PartKey, &Waker)) -> (Self, Self) {
        let (to_b, from_a) = bounded(LANE_LENGTH);
        let (to_a, from_b) = bounded(LANE_LENGTH);
        (Self::new(b, to_b, from_b), Self::new(a, to_a, from_a))
    }

    fn new((with, waker): (PartKey, &Waker), out: Sender<Parcel>, inlet: Receiver<Parcel>) -> Self {
        Self {
            with,
            out,
            backlog: VecDeque::new(),
            waker: waker.clone(),
            has_news: false,
            inlet,
        }
    }

    fn push(&mut self, parcel: Parcel, carried: &mut Carried) {
        self.has_news = true;
        self.unblock();
        let precedence = parcel.relayed.precedence();
        let is_refused = match precedence {
            Precedence::Video => !self.backlog.is_empty() || self.out.len() >= VIDEO_LIMIT,
            Precedence::Audio => !self.backlog.is_empty() || self.out.is_full(),
            Precedence::Promised => {
                matches!(parcel.relayed, Relayed::Data(_)) && self.backlog.len() >= MAX_BACKLOG
            }
        };
        if is_refused {
            *match precedence {
                Precedence::Video => &mut carried.video_dropped,
                Precedence::Audio => &mut carried.audio_dropped,
                Precedence::Promised => &mut carried.data_dropped,
            } += 1;
            return;
        }
        carried.sent += 1;
        if !self.backlog.is_empty() {
            self.backlog.push_back(parcel);
            return;
        }
        self.put(parcel);
    }

    /// A worker that is gone reads nothing; it has closed its peers.
    fn put(&mut self, parcel: Parcel) -> bool {
        match self.out.try_send(parcel) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => true,
            Err(TrySendError::Full(parcel)) => {
                self.backlog.push_front(parcel);
                false
            }
        }
    }

    fn unblock(&mut self) {
        while let Some(parcel) = self.backlog.pop_front() {
            if !self.put(parcel) {
                return;
            }
        }
    }
}

/// All links of a worker. Without any, nothing of this costs anything.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: Vec<Link>,
    pub(crate) carried: Carried,
}

impl Links {
    pub(crate) fn join(&mut self, link: Link) {
        self.links.push(link);
    }

    /// Into the lane, or wherever its precedence says.
    pub(crate) fn push(&mut self, to: PartKey, parcel: Parcel) {
        if let Some(link) = self.links.iter_mut().find(|link| link.with == to) {
            link.push(parcel, &mut self.carried);
        }
    }

    /// To every other worker.
    pub(crate) fn tell_all(&mut self, room: RoomKey, relayed: &Relayed) {
        for link in &mut self.links {
            let relayed = relayed.clone();
            link.push(Parcel { room, relayed }, &mut self.carried);
        }
    }

    /// Wakes, once, everyone for whom something was pushed since the last time.
    pub(crate) fn wake(&mut self) {
        for link in &mut self.links {
            link.unblock();
            if std::mem::take(&mut link.has_news) {
                link.waker.wake();
            }
            link.has_news = !link.backlog.is_empty();
        }
    }

    /// Something waits for a lane.
    pub(crate) fn is_blocked(&self) -> bool {
        self.links.iter().any(|link| !link.backlog.is_empty())
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// The next message of this link's other end.
    pub(crate) fn receive(&self, index: usize) -> Option<(PartKey, Parcel)> {
        let link = self.links.get(index)?;
        Some((link.with, link.inlet.try_recv().ok()?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::disallowed_methods,
        reason = "tests on real lanes"
    )]

    use super::*;
    use media::packet::Extensions;
    use media::{Codec, Layer, Mid, Packet};
    use std::sync::Arc;
    use std::time::{Duration, Instant};
    use vocab::TrackKey;

    const ROOM: RoomKey = RoomKey(1);

    fn packet(codec: Codec, sequence: u64) -> Relayed {
        let track = TrackKey(1);
        let packet = Packet {
            mid: Mid::new("0").unwrap(),
            rid: None,
            codec,
            sequence,
            timestamp: 0,
            marker: true,
            starts_keyframe: false,
            payload: Arc::from([1; 4]),
            extensions: Extensions::default(),
            arrival: Instant::now(),
        };
        Relayed::Packet { track, packet }
    }

    fn request(layer: Layer) -> Relayed {
        let track = TrackKey(1);
        Relayed::Keyframe { track, layer }
    }

    /// This end, and the other.
    fn joined() -> (Links, Links) {
        let wakers = [(); 2].map(|()| {
            let address = "127.0.0.1:0".parse().unwrap();
            let (reactor, _) = net::open(net::BackendChoice::Portable, &[address]).unwrap();
            reactor.waker()
        });
        let (a, b) = Link::pair((PartKey(0), &wakers[0]), (PartKey(1), &wakers[1]));
        let mut ends = (Links::default(), Links::default());
        ends.0.join(a);
        ends.1.join(b);
        ends
    }

    fn push(links: &mut Links, relayed: Relayed) {
        let room = ROOM;
        links.push(PartKey(1), Parcel { room, relayed });
    }

    fn all(links: &Links) -> Vec<Relayed> {
        let received = std::iter::from_fn(|| links.receive(0));
        received.map(|(_, parcel)| parcel.relayed).collect()
    }

    #[test]
    fn a_full_lane_lets_video_go_then_audio_and_never_a_promise() {
        let (mut here, there) = joined();
        for sequence in 0..LANE_LENGTH as u64 {
            push(&mut here, packet(Codec::Vp8, sequence));
        }
        assert_eq!(
            here.carried.video_dropped as usize,
            LANE_LENGTH - VIDEO_LIMIT
        );
        for sequence in 0..LANE_LENGTH as u64 {
            push(&mut here, packet(Codec::Opus, sequence));
        }
        assert_eq!(here.carried.audio_dropped as usize, VIDEO_LIMIT);
        for layer in Layer::ALL {
            push(&mut here, request(layer));
        }
        push(&mut here, packet(Codec::Opus, 0));
        assert!(here.is_blocked());
        assert_eq!(here.carried.audio_dropped as usize, VIDEO_LIMIT + 1);

        assert_eq!(all(&there).len(), LANE_LENGTH);
        here.wake();
        assert!(!here.is_blocked());
        let asked = all(&there).into_iter().map(|relayed| match relayed {
            Relayed::Keyframe { layer, .. } => Some(layer),
            _ => None,
        });
        let wanted = Layer::ALL.map(Some);
        assert_eq!(asked.collect::<Vec<_>>(), wanted, "all of them, in order");
        push(&mut here, packet(Codec::Vp8, 1));
        assert_eq!(all(&there).len(), 1, "and the lane is open again");
    }

    #[test]
    fn the_other_worker_is_woken_when_there_is_news_and_only_then() {
        let address = "127.0.0.1:0".parse().unwrap();
        let (mut reactor, _) = net::open(net::BackendChoice::Portable, &[address]).unwrap();
        let waker = reactor.waker();
        let (end, _other) = Link::pair((PartKey(0), &waker), (PartKey(1), &waker));
        let mut here = Links::default();
        here.join(end);
        let mut is_woken = |patience| {
            let turn = reactor.turn(Some(patience), &mut |_| {}).unwrap();
            turn.woken
        };
        here.wake();
        assert!(!is_woken(Duration::ZERO), "nothing was said");
        push(&mut here, request(Layer::Low));
        push(&mut here, request(Layer::High));
        assert!(!is_woken(Duration::ZERO), "the turn is not over");
        here.wake();
        assert!(is_woken(Duration::from_secs(2)));
        here.wake();
        assert!(!is_woken(Duration::ZERO), "once");
    }

    #[test]
    fn a_worker_that_is_gone_blocks_nobody() {
        let (mut here, there) = joined();
        drop(there);
        for _ in 0..2 * LANE_LENGTH {
            push(&mut here, request(Layer::Low));
        }
        assert!(!here.is_blocked());
    }
}

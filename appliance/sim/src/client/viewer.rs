//! A model decoder: shows a picture when everything it needs has come, asks for a keyframe when
//! it is stuck.

use crate::picture::Tag;
use media::Layer;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use str0m::media::Mid;

/// A gap that is not filled within this time is given up (libwebrtc's decoder waits about as long).
const PATIENCE: Duration = Duration::from_millis(200);
/// Time between two requests of a decoder that waits for a keyframe.
const REQUEST_INTERVAL: Duration = Duration::from_millis(300);

/// A picture, or 20 ms of sound, that reached the eye or ear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// When.
    pub at: Instant,
    /// Index of the client who published it.
    pub publisher: u8,
    /// `None` for sound.
    pub layer: Option<Layer>,
    /// Counts per layer.
    pub frame: u32,
    /// A keyframe.
    pub keyframe: bool,
}

/// Publisher, layer and number of a frame.
pub type FrameName = (u8, Option<Layer>, u32);

/// What has come of one frame, whether or not it could be shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Frame {
    /// A bit per packet.
    seen: u64,
    /// When the last of its packets had come.
    pub complete: Option<Instant>,
}

/// One section that is watched.
#[derive(Debug)]
pub struct Viewer {
    /// The section.
    pub mid: Mid,
    /// Pictures, not sound.
    pub is_video: bool,
    /// Everything shown so far.
    pub shown: Vec<Shown>,
    /// Packets that have come, by sequence: until decoded.
    waiting: BTreeMap<u64, (u32, Tag)>,
    /// The next packet to decode; `None`: a keyframe is needed.
    cursor: Option<u64>,
    stuck_since: Option<Instant>,
    asked: Option<Instant>,
    /// The highest number and its timestamp.
    head: Option<(u64, u32)>,
    /// Everything that came, with the room it came from: for the invariants.
    pub last_tag: Option<Tag>,
    /// Every frame of which something came.
    pub frames: BTreeMap<FrameName, Frame>,
    /// Packets of pictures as they came: when, whose, bytes.
    pub received: Vec<(Instant, u8, usize)>,
    /// Numbers whose timestamps do not follow their order.
    pub disorder: usize,
}

impl Viewer {
    pub(super) fn new(mid: Mid, is_video: bool) -> Self {
        Self {
            mid,
            is_video,
            shown: Vec::new(),
            waiting: BTreeMap::new(),
            cursor: None,
            stuck_since: None,
            asked: None,
            head: None,
            last_tag: None,
            frames: BTreeMap::new(),
            received: Vec::new(),
            disorder: 0,
        }
    }

    pub(super) fn receive(
        &mut self,
        (sequence, timestamp): (u64, u32),
        tag: Tag,
        bytes: usize,
        now: Instant,
    ) {
        if self.is_video {
            self.received.push((now, tag.publisher, bytes));
        }
        self.last_tag = Some(tag);
        self.collect(&tag, now);
        if let Some((highest, newest)) = self.head {
            let ahead = timestamp.wrapping_sub(newest).cast_signed();
            if (sequence > highest && ahead < 0) || (sequence < highest && ahead > 0) {
                self.disorder += 1;
            }
        }
        if self.head.is_none_or(|(highest, _)| sequence > highest) {
            self.head = Some((sequence, timestamp));
        }
        if !self.is_video {
            self.show(tag, now);
            return;
        }
        if self.cursor.is_none_or(|cursor| sequence >= cursor) {
            self.waiting.insert(sequence, (timestamp, tag));
        }
        self.decode(now);
    }

    fn collect(&mut self, tag: &Tag, now: Instant) {
        let name = (tag.publisher, tag.layer, tag.frame);
        let frame = self.frames.entry(name).or_default();
        frame.seen |= 1 << tag.index;
        if frame.seen.count_ones() == u32::from(tag.count) {
            frame.complete.get_or_insert(now);
        }
    }

    /// When [`Self::tick`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.cursor.is_none() {
            // Nothing came yet: nothing to ask about.
            let asked = self.asked.map(|asked| asked + REQUEST_INTERVAL);
            return asked.filter(|_| self.head.is_some());
        }
        self.stuck_since.map(|since| since + PATIENCE)
    }

    /// True: ask for a keyframe.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        if let Some(given_up) = self.cursor.take() {
            self.waiting = self.waiting.split_off(&(given_up + 1));
            self.stuck_since = None;
            self.decode(now);
        }
        if self.cursor.is_some() {
            return false;
        }
        self.asked = Some(now);
        true
    }

    fn decode(&mut self, now: Instant) {
        if self.cursor.is_none() {
            let keyframe = self
                .waiting
                .iter()
                .find(|(_, (_, tag))| tag.starts_keyframe());
            let Some(start) = keyframe.map(|(sequence, _)| *sequence) else {
                self.asked.get_or_insert(now);
                return;
            };
            self.waiting = self.waiting.split_off(&start);
            self.cursor = Some(start);
        }
        while let Some(cursor) = self.cursor
            && let Some((_, first)) = self.waiting.get(&cursor).copied()
        {
            let end = cursor + u64::from(first.count);
            if self.waiting.range(cursor..end).count() < usize::from(first.count) {
                break;
            }
            for sequence in cursor..end {
                self.waiting.remove(&sequence);
            }
            self.cursor = Some(end);
            self.stuck_since = None;
            self.show(first, now);
        }
        if self.waiting.is_empty() {
            self.stuck_since = None;
        } else {
            self.stuck_since.get_or_insert(now);
        }
    }

    fn show(&mut self, tag: Tag, at: Instant) {
        let Tag {
            publisher,
            layer,
            frame,
            keyframe,
            ..
        } = tag;
        self.shown.push(Shown {
            at,
            publisher,
            layer,
            frame,
            keyframe,
        });
    }
}

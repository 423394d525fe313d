//! Every packet that the box sends, checked where no network has touched it yet.

use crate::client::viewer::FrameName;
use crate::picture::{self, Tag};
use media::{KEYFRAME_REQUEST_INTERVAL, Layer, Mid, Outgoing, Rid};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use vocab::PeerKey;

/// Highest first sequence number of a section (`egress.md`, trap 3).
const MAX_FIRST_SEQUENCE: u64 = 32_767;

/// Who may do what, and what each section was sent.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Which client (by index) may publish, and subscribe.
    pub permissions: BTreeMap<usize, (bool, bool)>,
    /// The room of each client.
    pub rooms: BTreeMap<usize, usize>,
    /// The client behind each transport.
    pub owners: BTreeMap<PeerKey, usize>,
    /// What each section shows: the publishing client, and whether it is video.
    pub subscriptions: BTreeMap<(PeerKey, Mid), (usize, bool)>,
    sections: BTreeMap<(PeerKey, Mid), Section>,
    /// When the box began to send each frame, by client and name.
    pub begun: BTreeMap<(usize, FrameName), Begun>,
    requests: BTreeMap<(PeerKey, Mid, Option<Rid>), Instant>,
    /// Keyframes that the box asked for.
    pub keyframes_asked: usize,
    /// Broken invariants, in words.
    pub violations: Vec<String>,
}

/// A frame on its way to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// When its first packet was written.
    pub at: Instant,
    /// Packets not written yet.
    missing: u8,
}

impl Begun {
    /// Every packet was written.
    pub fn is_whole(&self) -> bool {
        self.missing == 0
    }
}

#[derive(Debug, Default)]
struct Section {
    used: BTreeSet<u64>,
    head: Option<Head>,
}

#[derive(Debug, Clone, Copy)]
struct Head {
    sequence: u64,
    timestamp: u32,
    picture: Option<u16>,
    tag: Tag,
}

impl Ledger {
    /// A packet is about to be written.
    pub fn packet(&mut self, peer: PeerKey, packet: &Outgoing<'_>, now: Instant) {
        let Some(tag) = picture::tag(packet.payload) else {
            self.broken(format!("a packet without a tag to {peer}"));
            return;
        };
        if let Err(what) = self.may_be_sent(peer, packet.mid, &tag) {
            self.broken(format!("{what}: {tag:?} to {peer}"));
        }
        if let Some(client) = self.owners.get(&peer) {
            let name = (tag.publisher, tag.layer, tag.frame);
            let begun = self.begun.entry((*client, name)).or_insert(Begun {
                at: now,
                missing: tag.count,
            });
            begun.missing = begun.missing.saturating_sub(1);
        }
        let section = self.sections.entry((peer, packet.mid)).or_default();
        if let Err(what) = section.accept(packet, tag) {
            let head = section.head;
            let number = packet.sequence;
            self.broken(format!("{what}: {number} {tag:?} to {peer} after {head:?}"));
        }
    }

    /// The box asks a publisher for a keyframe.
    pub fn keyframe_request(&mut self, peer: PeerKey, mid: Mid, rid: Option<Rid>, now: Instant) {
        self.keyframes_asked += 1;
        let last = self.requests.insert((peer, mid, rid), now);
        if last.is_some_and(|last| now - last < KEYFRAME_REQUEST_INTERVAL) {
            self.broken(format!(
                "two keyframe requests within the interval to {peer}"
            ));
        }
    }

    fn may_be_sent(&self, peer: PeerKey, mid: Mid, tag: &Tag) -> Result<(), &'static str> {
        let owner = *self.owners.get(&peer).ok_or("an unknown transport")?;
        let publisher = usize::from(tag.publisher);
        if self.rooms.get(&owner) != Some(&usize::from(tag.room)) {
            return Err("a packet crossed rooms");
        }
        if self.subscriptions.get(&(peer, mid)) != Some(&(publisher, tag.layer.is_some())) {
            return Err("a packet nobody subscribed to");
        }
        let may = |client| self.permissions.get(&client).copied().unwrap_or_default();
        match (may(publisher), may(owner)) {
            ((true, _), (_, true)) => Ok(()),
            _ => Err("a packet without permission"),
        }
    }

    fn broken(&mut self, what: String) {
        self.violations.push(what);
    }
}

impl Section {
    fn accept(&mut self, packet: &Outgoing<'_>, tag: Tag) -> Result<(), &'static str> {
        let (sequence, timestamp) = (packet.sequence, packet.timestamp);
        if !self.used.insert(sequence) {
            return Err("a sequence number used twice");
        }
        let original = picture::counters(packet.payload).map(|(picture, _)| picture);
        let picture = packet.vp8.and_then(|vp8| vp8.picture_id).or(original);
        let picture = picture.filter(|_| tag.layer.is_some());
        let Some(head) = self.head else {
            self.head = Some(Head {
                sequence,
                timestamp,
                picture,
                tag,
            });
            return match tag.layer {
                _ if !(1..=MAX_FIRST_SEQUENCE).contains(&sequence) => Err("a deaf first sequence"),
                Some(_) if !tag.starts_keyframe() => Err("video that begins without a keyframe"),
                _ => Ok(()),
            };
        };
        let ahead = timestamp.wrapping_sub(head.timestamp).cast_signed();
        if sequence < head.sequence {
            return if ahead > 0 {
                Err("a late packet with a newer timestamp")
            } else {
                Ok(())
            };
        }
        self.head = Some(Head {
            sequence,
            timestamp,
            picture,
            tag,
        });
        if source(&tag) != source(&head.tag) {
            if sequence != head.sequence + 1 {
                return Err("a gap at a switch");
            }
            if tag.layer.is_some() && !tag.starts_keyframe() {
                return Err("a switch in the middle of a picture");
            }
        }
        let same_picture = source(&tag) == source(&head.tag) && tag.frame == head.tag.frame;
        if same_picture != (ahead == 0) || ahead < 0 {
            return Err("a timestamp that does not follow");
        }
        if let (Some(last), Some(next)) = (head.picture, picture) {
            let step = next.wrapping_sub(last) & 0x7FFF;
            if same_picture != (step == 0) || step > 0x3FFF {
                return Err("a picture id that does not follow");
            }
        }
        Ok(())
    }
}

fn source(tag: &Tag) -> (u8, Option<Layer>) {
    (tag.publisher, tag.layer)
}

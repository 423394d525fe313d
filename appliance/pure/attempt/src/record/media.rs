//! What somebody sends.

use super::sdp::Kind;
use serde::{Deserialize, Serialize};
use vocab::{TrackKey, UnixMillis};

/// Most tracks whose flow is recorded: a bed with camera, microphone, screen and devices has fewer.
pub const MAX_PUBLISHED: usize = 8;

/// What somebody sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Media {
    /// What it announced, [`MAX_PUBLISHED`] at most.
    pub published: Vec<Published>,
}

/// One track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Which.
    pub track: TrackKey,
    /// Audio or video.
    pub kind: Kind,
    /// Since when it should flow; `None` while muted.
    pub due: Option<UnixMillis>,
    /// Its first packet.
    pub flowing: Option<UnixMillis>,
}

impl Media {
    /// A track is announced; beyond [`MAX_PUBLISHED`] it is not recorded.
    pub fn publish(&mut self, track: TrackKey, kind: Kind, muted: bool, now: UnixMillis) {
        if self.published.len() < MAX_PUBLISHED {
            let due = (!muted).then_some(now);
            let flowing = None;
            self.published.push(Published {
                track,
                kind,
                due,
                flowing,
            });
        }
    }

    /// It is muted, or not any more.
    pub fn mute(&mut self, track: TrackKey, muted: bool, now: UnixMillis) {
        if let Some(published) = self.find(track) {
            published.due = (!muted).then_some(now);
        }
    }

    /// Its first packet came.
    pub fn flows(&mut self, track: TrackKey, now: UnixMillis) {
        if let Some(published) = self.find(track) {
            published.flowing.get_or_insert(now);
        }
    }

    /// It is over.
    pub fn unpublish(&mut self, track: TrackKey) {
        self.published.retain(|published| published.track != track);
    }

    fn find(&mut self, track: TrackKey) -> Option<&mut Published> {
        self.published.iter_mut().find(|p| p.track == track)
    }
}

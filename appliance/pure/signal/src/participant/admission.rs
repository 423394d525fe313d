//! Who may watch a participant's tracks (`SubscriptionPermission`).

use livekit_protocol::{SubscriptionPermission, TrackPermission};
use std::collections::BTreeSet;

/// Most participants named in one permission: further ones are not admitted. A room holds no
/// more than [`crate::MAX_PARTICIPANTS`].
const MAX_ENTRIES: usize = crate::MAX_PARTICIPANTS as usize;
/// Most tracks named per participant: further ones are not admitted. Nobody publishes more.
const MAX_TRACKS: usize = crate::room::MAX_TRACKS_PER_PARTICIPANT;

/// A publisher's rule. Until it says otherwise, everyone may watch.
#[derive(Debug, Default)]
pub(crate) enum Admission {
    /// Everyone.
    #[default]
    Everyone,
    /// These only.
    Only(Vec<Entry>),
}

/// One participant's share.
#[derive(Debug)]
pub(crate) struct Entry {
    sid: String,
    identity: String,
    all_tracks: bool,
    tracks: BTreeSet<String>,
}

impl Admission {
    /// Reads a client's rule.
    pub(crate) fn read(rule: SubscriptionPermission) -> Self {
        if rule.all_participants {
            return Self::Everyone;
        }
        Self::Only(
            rule.track_permissions
                .into_iter()
                .take(MAX_ENTRIES)
                .map(Entry::read)
                .collect(),
        )
    }

    /// Whether a participant may watch a track. Sid or identity names it.
    pub(crate) fn admits(&self, sid: &str, identity: &str, track: &str) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(entries) => entries
                .iter()
                .filter(|entry| entry.is_about(sid, identity))
                .any(|entry| entry.all_tracks || entry.tracks.contains(track)),
        }
    }
}

impl Entry {
    fn read(entry: TrackPermission) -> Self {
        Self {
            sid: entry.participant_sid,
            identity: entry.participant_identity,
            all_tracks: entry.all_tracks,
            tracks: entry.track_sids.into_iter().take(MAX_TRACKS).collect(),
        }
    }

    fn is_about(&self, sid: &str, identity: &str) -> bool {
        (!self.sid.is_empty() && self.sid == sid)
            || (!self.identity.is_empty() && self.identity == identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(entries: Vec<TrackPermission>) -> Admission {
        Admission::read(SubscriptionPermission {
            all_participants: false,
            track_permissions: entries,
        })
    }

    #[test]
    fn a_rule_admits_by_sid_or_identity_and_by_track() {
        let all = TrackPermission {
            participant_sid: "PA_a".into(),
            all_tracks: true,
            ..TrackPermission::default()
        };
        let one = TrackPermission {
            participant_identity: "bob".into(),
            track_sids: vec!["TR_1".into()],
            ..TrackPermission::default()
        };
        let empty = TrackPermission {
            all_tracks: true,
            ..TrackPermission::default()
        };
        let rule = only(vec![all, one]);
        for (name, sid, identity, track, want) in [
            ("by sid, any track", "PA_a", "alice", "TR_9", true),
            ("by identity, the named track", "PA_b", "bob", "TR_1", true),
            ("by identity, another track", "PA_b", "bob", "TR_2", false),
            ("somebody not named", "PA_c", "eve", "TR_1", false),
        ] {
            assert_eq!(rule.admits(sid, identity, track), want, "{name}");
        }
        assert!(
            !only(vec![empty]).admits("", "", "TR_1"),
            "an entry about nobody admits nobody"
        );
        assert!(
            Admission::default().admits("PA_c", "eve", "TR_1"),
            "the default admits everyone"
        );
    }
}

//! Who speaks, told to those who listen.

use super::{Participant, Room};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{SpeakerInfo, SpeakersChanged};
use media::Kind;
use media::plane::Speaker;
use vocab::ParticipantKey;

impl Room {
    /// Tells everyone the changes about those whose sound they receive, and about themselves.
    pub(super) fn speakers_changed(&mut self, changed: &[Speaker]) {
        for listener in self.roster.keys().copied().collect::<Vec<_>>() {
            let speakers = changed
                .iter()
                .filter(|s| self.hears(listener, s.participant));
            let speakers: Vec<_> = speakers.filter_map(|s| self.speaker_info(s)).collect();
            if !speakers.is_empty() {
                self.tell_speakers(listener, speakers);
            }
        }
    }

    pub(super) fn tell_speakers(&mut self, listener: ParticipantKey, speakers: Vec<SpeakerInfo>) {
        self.tell(
            listener,
            Message::SpeakersChanged(SpeakersChanged { speakers }),
        );
    }

    fn hears(&self, listener: ParticipantKey, speaker: ParticipantKey) -> bool {
        listener == speaker
            || (self.roster.get(&speaker).is_some_and(|p| !p.is_hidden())
                && self
                    .roster
                    .get(&listener)
                    .is_some_and(|p| watches(p, speaker, Some(Kind::Audio))))
    }

    fn speaker_info(&self, speaker: &Speaker) -> Option<SpeakerInfo> {
        let sid = self.roster.get(&speaker.participant)?.sid.to_string();
        let level = if speaker.active { speaker.level } else { 0.0 };
        Some(SpeakerInfo {
            sid,
            level,
            active: speaker.active,
        })
    }
}

/// Whether a participant receives a publisher's tracks, of one kind or any.
pub(super) fn watches(
    watcher: &Participant,
    publisher: ParticipantKey,
    kind: Option<Kind>,
) -> bool {
    watcher.subscriptions.values().any(|subscription| {
        subscription.publisher == publisher
            && subscription.mid().is_some()
            && kind.is_none_or(|kind| subscription.kind == kind)
    })
}

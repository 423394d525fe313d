//! v1: asking a client for sections, or for another offer.

use super::Room;
use super::timers::{NEGOTIATION_TIMEOUT, Timer};
use crate::now::Now;
use crate::upstream::Asked;
use livekit_protocol::MediaSectionsRequirement;
use livekit_protocol::signal_response::Message;
use media::Kind;
use vocab::ParticipantKey;

impl Room {
    /// Asks for what is missing. With enough free sections, or with sections to be ended, it asks
    /// for none: that makes the client offer again. One request is outstanding at a time, and an
    /// offer that is being answered comes first.
    pub(super) fn ask_for_sections(&mut self, key: ParticipantKey, now: Now) {
        let waiting = self.waiting(key);
        let Some(participant) = self.roster.get_mut(&key) else {
            return;
        };
        let is_reachable = participant.session.is_some() && participant.resuming.is_none();
        let Some(up) = participant.up.as_mut().filter(|_| is_reachable) else {
            return;
        };
        let has_reason = !waiting.is_empty() || up.is_draining();
        if !has_reason || !up.answered || up.is_negotiating() || up.asked.is_some() {
            return;
        }
        let wanted = |kind| waiting.iter().filter(|w| w.kind == kind).count();
        let audios = wanted(Kind::Audio).saturating_sub(up.free(Kind::Audio));
        let videos = wanted(Kind::Video).saturating_sub(up.free(Kind::Video));
        let audios = audios.min(up.room_for_sections());
        let videos = videos.min(up.room_for_sections().saturating_sub(audios));
        let can_help = up.free(Kind::Audio) + up.free(Kind::Video) + audios + videos > 0;
        if !can_help {
            return;
        }
        up.asked = Some(Asked {
            audios: up.receiving.audios.saturating_add(audios),
            videos: up.receiving.videos.saturating_add(videos),
        });
        self.timers
            .set(Timer::Ask(key), now.instant + NEGOTIATION_TIMEOUT);
        let requirement = MediaSectionsRequirement {
            num_audios: audios as u32,
            num_videos: videos as u32,
        };
        self.tell(key, Message::MediaSectionsRequirement(requirement));
    }
}

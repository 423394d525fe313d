//! `SimulateScenario`: what clients' own reconnect tests ask for.

use super::Room;
use super::leave::Farewell;
use super::timers::Timer;
use crate::now::Now;
use crate::participant::CutResume;
use domain::EndReason;
use livekit_protocol::leave_request::Action;
use livekit_protocol::simulate_scenario::Scenario;
use livekit_protocol::{SimulateScenario, SpeakerInfo};
use std::time::Duration;
use vocab::ParticipantKey;

/// Longest simulated speech; clients ask for 3 s.
const MAX_SPEECH: Duration = Duration::from_mins(1);
/// The level of a simulated speaker (LiveKit `pkg/rtc/room.go`, `SimulateScenario`).
const SPEECH_LEVEL: f32 = 0.9;

impl Room {
    pub(super) fn simulate(&mut self, key: ParticipantKey, request: SimulateScenario, now: Now) {
        match request.scenario {
            Some(Scenario::SpeakerUpdate(secs)) => {
                let secs = Duration::from_secs(u64::try_from(secs).unwrap_or(0)).min(MAX_SPEECH);
                self.simulated_speech(key, SPEECH_LEVEL);
                self.timers.set(Timer::Speaker(key), now.instant + secs);
            }
            Some(Scenario::NodeFailure(_) | Scenario::Migration(_)) => self.vanish(key, now),
            Some(Scenario::ServerLeave(_)) => {
                let farewell = Farewell::Leave(Action::Disconnect);
                self.remove(key, EndReason::ServerShutdown, farewell, now);
            }
            Some(Scenario::LeaveRequestFullReconnect(_)) => {
                self.full_reconnect(key, EndReason::ServerShutdown, now);
            }
            Some(Scenario::DisconnectSignalOnResume(_)) => {
                self.cut_next_resume(key, CutResume::AfterMessages);
            }
            Some(Scenario::DisconnectSignalOnResumeNoMessages(_)) => {
                self.cut_next_resume(key, CutResume::BeforeMessages);
            }
            // The box has one protocol per candidate, so a client that wants another one looks for
            // it by restarting ICE; its own connection it restarts itself.
            Some(Scenario::SwitchCandidateProtocol(_)) => {
                self.restart_downstream(key);
                self.pump(key, now);
            }
            // What is sent follows the measured bandwidth; a claimed one would be no test of it.
            Some(Scenario::SubscriberBandwidth(_)) | None => {}
        }
    }

    pub(super) fn simulated_silence(&mut self, key: ParticipantKey) {
        self.simulated_speech(key, 0.0);
    }

    fn simulated_speech(&mut self, key: ParticipantKey, level: f32) {
        let Some(participant) = self.roster.get(&key) else {
            return;
        };
        let sid = participant.sid.to_string();
        let speaker = SpeakerInfo {
            sid,
            level,
            active: level > 0.0,
        };
        let is_hidden = participant.is_hidden();
        for listener in self.roster.keys().copied().collect::<Vec<_>>() {
            if listener == key || !is_hidden {
                self.tell_speakers(listener, vec![speaker.clone()]);
            }
        }
    }

    fn cut_next_resume(&mut self, key: ParticipantKey, cut: CutResume) {
        if let Some(participant) = self.roster.get_mut(&key) {
            participant.cut_resume = Some(cut);
        }
    }
}

//! One room as operators see it: what control knows of it, and what its transports carry.

use super::flags::{self, One};
use control::action;
use control::live::{PresentNow, Quality, RoomNow};
use livekit_protocol::TrackInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use watch::{Carrier, LOSS_PERMILLE, Moment, Transports, subnet};
use wire::admin::{
    AlarmState, AlarmView, EndRequest, LiveParticipant, LiveRoom, LiveTrack, Path, RoomDetail,
};

/// What is known of rooms beside themselves.
pub(super) struct About {
    /// Which alarm is about what, the most urgent first.
    alarms: BTreeMap<String, String>,
    /// Who has a card of which room open.
    cards: BTreeMap<String, BTreeSet<String>>,
}

impl About {
    /// Of alarms in the order of their urgency. What is shelved is not shown.
    pub(super) fn new(alarms: &[AlarmView], cards: BTreeMap<String, BTreeSet<String>>) -> Self {
        let mut about = BTreeMap::new();
        for alarm in alarms
            .iter()
            .filter(|alarm| alarm.state != AlarmState::Shelved)
        {
            let known = about.entry(alarm.subject.clone());
            known.or_insert_with(|| alarm.id.clone());
        }
        Self {
            alarms: about,
            cards,
        }
    }

    fn alarm(&self, subject: &str) -> Option<&String> {
        self.alarms.get(subject)
    }

    fn card_holders(&self, room: &str) -> Vec<String> {
        let holders = self.cards.get(room).into_iter().flatten();
        holders.cloned().collect()
    }
}

/// A room, with how everybody in it does.
pub(super) struct Seen<'a> {
    room: &'a RoomNow,
    people: Vec<One<'a>>,
    now: Moment,
}

impl<'a> Seen<'a> {
    pub(super) fn new(room: &'a RoomNow, transports: &Transports, now: Moment) -> Self {
        let people = room.present.iter().map(|present| {
            let reading = transports.read(&present.peers, now.instant);
            let path = match reading.carrier {
                _ if !present.connected => Path::None,
                Some(Carrier::Tcp) => Path::Tcp,
                Some(Carrier::Udp) => Path::Udp,
                None => Path::None,
            };
            One {
                present,
                reading,
                path,
            }
        });
        Self {
            room,
            people: people.collect(),
            now,
        }
    }

    /// Its line in the list.
    pub(super) fn line(&self, about: &About) -> LiveRoom {
        let people = || self.people.iter();
        let waiting = people().filter(|one| one.present.waits).count();
        let is_in = |one: &&One<'_>| !one.present.waits;
        let devices = people()
            .filter(is_in)
            .filter(|one| is_device(one.present))
            .count();
        let known = people()
            .map(|one| one.path)
            .filter(|path| *path != Path::None);
        let own = about.alarm(self.room.sid.as_str());
        let alarm = own.or_else(|| self.subnets().find_map(|subnet| about.alarm(&subnet)));
        LiveRoom {
            sid: self.room.sid.to_string(),
            name: self.room.name.to_string(),
            created_at_ms: self.room.created_at.0,
            people: count(self.people.len() - devices - waiting),
            devices: count(devices),
            waiting: count(waiting),
            path: known.max(),
            loss_permille: people().filter_map(|one| one.reading.loss_permille).max(),
            rtt_ms: people()
                .filter_map(|one| one.reading.round_trip)
                .max()
                .map(millis),
            recording: false,
            hold: self.room.hold,
            locked: self.room.locked,
            alarm: alarm.cloned(),
            flags: flags::of(&self.people, self.now),
            ward: self.room.ward.clone(),
            card_holders: about.card_holders(self.room.sid.as_str()),
            end_requests: self.room.end_requests.iter().map(end_request).collect(),
        }
    }

    /// It, with everybody in it.
    pub(super) fn detail(&self, about: &About) -> RoomDetail {
        RoomDetail {
            room: self.line(about),
            participants: self.people.iter().map(participant).collect(),
        }
    }

    /// Where those are who lose too much, each as often as there is one.
    pub(super) fn lossy(&self) -> impl Iterator<Item = String> {
        let is_lossy = |one: &&One<'_>| {
            let loss = one.reading.loss_permille;
            loss.is_some_and(|loss| loss > LOSS_PERMILLE)
        };
        let lossy = self.people.iter().filter(is_lossy);
        lossy.filter_map(|one| Some(subnet(one.reading.remote?.ip())))
    }

    /// Everybody's path.
    pub(super) fn paths(&self) -> impl Iterator<Item = Path> {
        self.people.iter().map(|one| one.path)
    }

    fn subnets(&self) -> impl Iterator<Item = String> {
        let remotes = self.people.iter().filter_map(|one| one.reading.remote);
        remotes.map(|remote| subnet(remote.ip()))
    }
}

fn end_request(request: &action::EndRequest) -> EndRequest {
    EndRequest {
        sid: request.target.to_string(),
        by: request.by.clone(),
        until_ms: request.until().0,
    }
}

fn participant(one: &One<'_>) -> LiveParticipant {
    let (present, reading) = (one.present, &one.reading);
    LiveParticipant {
        sid: present.sid.to_string(),
        identity: present.identity.to_string(),
        role: present.role.to_owned(),
        state: present.state.to_owned(),
        joined_at_ms: present.joined_at.0,
        path: one.path,
        up_kbps: reading.up_kbps,
        down_kbps: reading.down_kbps,
        loss_permille: reading.loss_permille,
        jitter_ms: reading.jitter.map(millis),
        rtt_ms: reading.round_trip.map(millis),
        silent_ms: reading
            .silent
            .map(|silent| u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)),
        quality: present.quality.map(|quality| word(quality).to_owned()),
        tracks: present.tracks.iter().map(track).collect(),
    }
}

fn track(info: &TrackInfo) -> LiveTrack {
    LiveTrack {
        sid: info.sid.clone(),
        source: info.source().as_str_name().to_lowercase(),
        kind: info.r#type().as_str_name().to_lowercase(),
        mime_type: info.mime_type.clone(),
        muted: info.muted,
        width: info.width,
        height: info.height,
    }
}

fn is_device(present: &PresentNow) -> bool {
    present.role == "device"
}

fn word(quality: Quality) -> &'static str {
    match quality {
        Quality::Lost => "lost",
        Quality::Poor => "poor",
        Quality::Good => "good",
        Quality::Excellent => "excellent",
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

//! Rooms and people as they are now, for those who watch the box.

use crate::control::Control;
use crate::room::LiveRoom;
use domain::second::EndRequest;
use serde::Deserialize;
use signal::Present;
use vocab::{RoomName, RoomSid, UnixMillis};

pub use media::plane::Quality;
pub use signal::{DEVICE_ATTRIBUTE, Present as PresentNow};

/// Metadata is looked at for a ward up to this size: it is looked at once a second, and a ward's
/// name needs no more.
const MAX_WARD_METADATA_BYTES: usize = 4 * 1024;

/// A room as it is now.
#[derive(Debug, Clone)]
pub struct RoomNow {
    /// Its life.
    pub sid: RoomSid,
    /// Its name.
    pub name: RoomName,
    /// When it came to life.
    pub created_at: UnixMillis,
    /// Nobody new is admitted.
    pub locked: bool,
    /// A Hold forbids Purge.
    pub hold: bool,
    /// `ward` of its metadata where that is a JSON object, else its name before the first `-`.
    pub ward: Option<String>,
    /// Ends of it, or of somebody in it, that wait for a second person.
    pub end_requests: Vec<EndRequest>,
    /// Everybody in it, hidden ones too, in order of joining.
    pub present: Vec<Present>,
}

/// Which rooms are to be told with everything that is published in them.
#[derive(Debug, Clone, Default)]
pub struct Closely(pub Vec<String>);

impl Control {
    /// Every room that lives. Those meant by sid or name in `closely` come with their tracks.
    pub fn rooms_now(&mut self, closely: &Closely) -> Vec<RoomNow> {
        let mut keys: Vec<_> = self.rooms.keys().copied().collect();
        keys.sort_unstable();
        let rooms = keys.into_iter().filter_map(|key| {
            self.read_room(key, |live| {
                let is_meant = |wanted: &String| {
                    wanted == live.room.sid().as_str() || wanted == live.room.name().as_str()
                };
                room_now(live, closely.0.iter().any(is_meant))
            })
            .ok()
        });
        let mut rooms: Vec<RoomNow> = rooms.collect();
        for room in &mut rooms {
            self.add_standing(room);
        }
        rooms
    }

    /// The room of that sid or name, with its tracks. A sid is looked for first.
    pub fn room_now(&mut self, sid_or_name: &str) -> Option<RoomNow> {
        let by_sid = self
            .rooms
            .iter()
            .find(|(_, live)| live.room.sid().as_str() == sid_or_name)
            .map(|(key, _)| *key);
        let key = by_sid.or_else(|| self.by_name.get(sid_or_name).copied())?;
        let mut room = self.read_room(key, |live| room_now(live, true)).ok()?;
        self.add_standing(&mut room);
        Some(room)
    }

    /// What this thread knows of a room and the room does not.
    fn add_standing(&self, room: &mut RoomNow) {
        room.hold = self.standing.is_held(&room.sid);
        let requests = self.end_requests.of_room(&room.sid);
        room.end_requests = requests.cloned().collect();
    }
}

fn room_now(live: &LiveRoom, with_tracks: bool) -> RoomNow {
    RoomNow {
        sid: live.room.sid().clone(),
        name: live.room.name().clone(),
        created_at: live.created_at,
        locked: live.room.is_locked(),
        hold: false,
        end_requests: Vec::new(),
        ward: ward(live.room.metadata(), live.room.name()),
        present: live.room.present(with_tracks),
    }
}

/// What of a room's metadata is looked at.
#[derive(Deserialize)]
struct Ward {
    ward: String,
}

fn ward(metadata: &str, name: &RoomName) -> Option<String> {
    let said = Some(metadata)
        .filter(|text| text.starts_with('{') && text.len() <= MAX_WARD_METADATA_BYTES)
        .and_then(|text| serde_json::from_str::<Ward>(text).ok())
        .map(|said| said.ward);
    let named = || Some(name.as_str().split_once('-')?.0.to_owned());
    said.or_else(named).filter(|ward| !ward.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ward_is_what_the_metadata_says_or_the_name_begins_with() {
        let long = format!("{{\"ward\":\"ICU\",\"x\":\"{}\"}}", "y".repeat(5_000));
        for (what, metadata, name, want) in [
            ("said", r#"{"ward":"ICU"}"#, "ER-2", Some("ICU")),
            ("named", "", "ER-2", Some("ER")),
            ("neither", "", "ER2", None),
            ("not JSON", "{ward", "ER-2", Some("ER")),
            ("another type", r#"{"ward":7}"#, "ER-2", Some("ER")),
            ("too large to look at", &long, "ER-2", Some("ER")),
            ("nothing before the dash", "", "-2", None),
            ("said to be none", r#"{"ward":""}"#, "ER-2", None),
        ] {
            assert_eq!(ward(metadata, &name.into()).as_deref(), want, "{what}");
        }
    }
}

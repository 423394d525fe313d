//! What one console is told: a snapshot, then what differs from what it was told.

#[cfg(test)]
mod tests;

use super::picture::{Difference, Picture, differences};
use super::{Place, Wish, Written};
use std::io::Write;
use std::sync::Arc;
use tokio::sync::watch as latest;
use wire::admin::Role;

/// Rooms in one piece of an answer. A piece is all that waits in memory for a slow console: some
/// 150 KiB.
const ROOMS_PER_PIECE: usize = 500;

/// A console that missed more pictures is told everything anew: what it shows is that old, and it
/// should say so.
const MAX_MISSED: u64 = 5;

/// One console's subscription. It holds the picture it was told last, nothing else: however slow a
/// console is, nothing queues for it.
pub(crate) struct Subscription {
    role: Role,
    wish: Option<Wish>,
    pictures: latest::Receiver<Option<Arc<Picture>>>,
    sequence: u64,
    told: Told,
    _place: Place,
}

enum Told {
    Nothing,
    /// A snapshot's first rooms.
    Partly(Arc<Picture>, usize),
    All(Arc<Picture>),
}

impl Subscription {
    pub(super) fn new(
        role: Role,
        wish: Option<Wish>,
        pictures: latest::Receiver<Option<Arc<Picture>>>,
        place: Place,
    ) -> Self {
        Self {
            role,
            wish,
            pictures,
            sequence: 0,
            told: Told::Nothing,
            _place: place,
        }
    }

    /// The next lines; `None`: the box is stopping.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut self.told, Told::Nothing) {
            Told::Partly(picture, from) => Some(self.more_rooms(picture, from)),
            Told::Nothing => {
                let picture = self.newest().await?;
                Some(self.snapshot(picture))
            }
            Told::All(before) => {
                self.pictures.changed().await.ok()?;
                let picture = self.newest().await?;
                let missed = picture.number.saturating_sub(before.number + 1);
                Some(if missed > MAX_MISSED {
                    self.snapshot(picture)
                } else {
                    self.changes(&before, picture)
                })
            }
        }
    }

    async fn newest(&mut self) -> Option<Arc<Picture>> {
        let newest = self.pictures.wait_for(Option::is_some).await.ok()?;
        newest.clone()
    }

    /// Everything; rooms beyond the first piece follow at once.
    fn snapshot(&mut self, picture: Arc<Picture>) -> Vec<u8> {
        let mut lines = Vec::new();
        let role = serde_json::to_string(&self.role).unwrap_or_default();
        let shown = picture.rooms.len().min(ROOMS_PER_PIECE);
        self.line(&mut lines, &picture, "snapshot", |line| {
            line.extend_from_slice(b"\"role\":");
            line.extend_from_slice(role.as_bytes());
            field(line, "box", &picture.box_json);
            list(
                line,
                "rooms",
                picture.rooms.iter().take(shown).map(|room| &room.json),
            );
            list(
                line,
                "alarms",
                picture.alarms.iter().map(|alarm| &alarm.json),
            );
            field(line, "score", &picture.score_json);
        });
        if shown == picture.rooms.len() {
            self.whole(&mut lines, picture);
        } else {
            self.told = Told::Partly(picture, shown);
        }
        lines
    }

    fn more_rooms(&mut self, picture: Arc<Picture>, from: usize) -> Vec<u8> {
        let mut lines = Vec::new();
        let to = picture.rooms.len().min(from + ROOMS_PER_PIECE);
        for room in picture.rooms.get(from..to).unwrap_or_default() {
            self.changed(&mut lines, &picture, "room", "room", &room.json);
        }
        if to == picture.rooms.len() {
            self.whole(&mut lines, picture);
        } else {
            self.told = Told::Partly(picture, to);
        }
        lines
    }

    fn changes(&mut self, before: &Picture, picture: Arc<Picture>) -> Vec<u8> {
        let mut lines = Vec::new();
        differences(
            &before.rooms,
            &picture.rooms,
            |difference| match difference {
                Difference::Changed(room) => {
                    self.changed(&mut lines, &picture, "room", "room", room);
                }
                Difference::Gone(sid) => {
                    self.gone(&mut lines, &picture, "room_gone", "sid", sid);
                }
            },
        );
        differences(
            &before.alarms,
            &picture.alarms,
            |difference| match difference {
                Difference::Changed(alarm) => {
                    self.changed(&mut lines, &picture, "alarm", "alarm", alarm);
                }
                Difference::Gone(id) => {
                    self.gone(&mut lines, &picture, "alarm_gone", "id", id);
                }
            },
        );
        if before.score != picture.score {
            self.changed(&mut lines, &picture, "score", "score", &picture.score_json);
        }
        self.changed(&mut lines, &picture, "box", "box", &picture.box_json);
        self.whole(&mut lines, picture);
        lines
    }

    /// Everything of this picture is told; what the console looks into comes last.
    fn whole(&mut self, lines: &mut Vec<u8>, picture: Arc<Picture>) {
        let detail = self
            .wish
            .as_ref()
            .and_then(|wish| picture.details.get(wish.room()));
        if let Some(detail) = detail {
            self.changed(lines, &picture, "detail", "detail", detail);
        }
        self.told = Told::All(picture);
    }

    fn changed(
        &mut self,
        lines: &mut Vec<u8>,
        picture: &Picture,
        change: &str,
        name: &str,
        json: &Written,
    ) {
        self.line(lines, picture, change, |line| {
            line.extend_from_slice(format!("\"{name}\":").as_bytes());
            line.extend_from_slice(json);
        });
    }

    fn gone(&mut self, lines: &mut Vec<u8>, picture: &Picture, change: &str, name: &str, id: &str) {
        let id = serde_json::to_vec(id).unwrap_or_default().into();
        self.changed(lines, picture, change, name, &id);
    }

    /// One frame, as [`wire::admin::Frame`] reads it.
    fn line(
        &mut self,
        lines: &mut Vec<u8>,
        picture: &Picture,
        change: &str,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        let (sequence, at_ms) = (self.sequence, picture.at_ms);
        // Writing into memory cannot fail.
        let _ = write!(
            lines,
            "{{\"sequence\":{sequence},\"at_ms\":{at_ms},\"change\":\"{change}\","
        );
        body(lines);
        lines.extend_from_slice(b"}\n");
        self.sequence += 1;
    }
}

fn field(line: &mut Vec<u8>, name: &str, json: &Written) {
    line.extend_from_slice(format!(",\"{name}\":").as_bytes());
    line.extend_from_slice(json);
}

fn list<'a>(line: &mut Vec<u8>, name: &str, items: impl Iterator<Item = &'a Written>) {
    line.extend_from_slice(format!(",\"{name}\":[").as_bytes());
    for (place, item) in items.enumerate() {
        if place > 0 {
            line.push(b',');
        }
        line.extend_from_slice(item);
    }
    line.push(b']');
}

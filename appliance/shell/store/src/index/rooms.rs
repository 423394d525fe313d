//! Rooms and presences in the index.

use super::key::{Prefix, Table};
use super::scan::{Rows, Seek, Verdict, Window, page};
use super::sessions::{Changes, Sessions};
use super::{encode, read};
use crate::error::ReadError;
use crate::query::{MAX_PAGE, Page, Presence, PresenceQuery, RoomSession, SessionQuery};
use vocab::{RoomSid, UnixMillis};

/// Puts changed rooms and presences, with their look-ups, into a batch.
pub(crate) fn insert(batch: &mut sled::Batch, changes: &Changes) {
    for room in &changes.rooms {
        let at = room.sequence;
        batch.insert(Table::Rooms.at(at), encode(room));
        batch.insert(Table::RoomBySid.of(room.sid.as_str()), &at.to_be_bytes());
        batch.insert(Table::RoomsByName.text(room.name.as_str()).at(at), &[]);
        mark(batch, Table::OpenRooms.at(at), room.destroyed_at.is_none());
    }
    for presence in &changes.presences {
        let at = presence.sequence;
        batch.insert(Table::Presences.at(at), encode(presence));
        batch.insert(
            Table::PresencesByRoom.text(presence.room.as_str()).at(at),
            &[],
        );
        batch.insert(
            Table::PresencesByIdentity
                .text(presence.identity.as_str())
                .at(at),
            &[],
        );
        mark(
            batch,
            Table::OpenPresences.at(at),
            presence.left_at.is_none(),
        );
    }
}

/// What the saved index says is open.
pub(crate) fn restore(tree: &sled::Tree) -> Result<Sessions, ReadError> {
    let mut rooms = Vec::new();
    every(tree, Table::OpenRooms, |sequence| {
        rooms.extend(room_at(tree, sequence)?);
        Ok(())
    })?;
    let mut presences = Vec::new();
    every(tree, Table::OpenPresences, |sequence| {
        presences.extend(presence_at(tree, sequence)?);
        Ok(())
    })?;
    Ok(Sessions::restore(rooms, presences))
}

/// One page of rooms.
pub(crate) fn query(
    tree: &sled::Tree,
    query: &SessionQuery,
) -> Result<Page<RoomSession>, ReadError> {
    let window = Window {
        after: query.after,
        limit: query.limit,
        newest_first: query.newest_first,
    };
    let mut sources: Vec<Box<dyn Seek>> = Vec::new();
    if let Some(name) = &query.name {
        sources.push(rows(tree, Table::RoomsByName.text(name.as_str())));
    }
    let table = if query.open == Some(true) {
        Table::OpenRooms
    } else {
        Table::Rooms
    };
    sources.push(rows(tree, table.all()));
    page(sources, window, |sequence| {
        let Some(mut room) = room_at(tree, sequence)? else {
            return Ok(Verdict::Skip);
        };
        let fits = query
            .open
            .is_none_or(|open| open == room.destroyed_at.is_none())
            && lasts(room.created_at, room.destroyed_at, query.from, query.to);
        if !fits {
            return Ok(Verdict::Skip);
        }
        if query.participants {
            room.participants = participants(tree, &room.sid)?;
        }
        Ok(Verdict::Take(room))
    })
}

/// One room with its presences.
pub(crate) fn room(tree: &sled::Tree, sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
    let Some(mut room) = row(tree, sid)? else {
        return Ok(None);
    };
    room.participants = participants(tree, sid)?;
    Ok(Some(room))
}

/// One room without its presences.
pub(crate) fn row(tree: &sled::Tree, sid: &RoomSid) -> Result<Option<RoomSession>, ReadError> {
    let key = Table::RoomBySid.of(sid.as_str());
    let Some(at) = tree.get(&key)? else {
        return Ok(None);
    };
    let at = at.as_ref().try_into().map(u64::from_be_bytes);
    room_at(
        tree,
        at.map_err(|_| super::corrupt(Table::RoomBySid, &key))?,
    )
}

/// One page of presences.
pub(crate) fn presences(
    tree: &sled::Tree,
    query: &PresenceQuery,
) -> Result<Page<Presence>, ReadError> {
    let window = Window {
        after: query.after,
        limit: query.limit,
        newest_first: query.newest_first,
    };
    let mut sources: Vec<Box<dyn Seek>> = Vec::new();
    if let Some(room) = &query.room {
        sources.push(rows(tree, Table::PresencesByRoom.text(room.as_str())));
    }
    if let Some(identity) = &query.identity {
        sources.push(rows(
            tree,
            Table::PresencesByIdentity.text(identity.as_str()),
        ));
    }
    let table = if query.open == Some(true) {
        Table::OpenPresences
    } else {
        Table::Presences
    };
    sources.push(rows(tree, table.all()));
    page(sources, window, |sequence| {
        let Some(presence) = presence_at(tree, sequence)? else {
            return Ok(Verdict::Skip);
        };
        let fits = query
            .open
            .is_none_or(|open| open == presence.left_at.is_none())
            && lasts(presence.joined_at, presence.left_at, query.from, query.to);
        Ok(if fits {
            Verdict::Take(presence)
        } else {
            Verdict::Skip
        })
    })
}

fn rows(tree: &sled::Tree, prefix: Prefix) -> Box<dyn Seek + '_> {
    let prefixes = vec![prefix];
    Box::new(Rows { tree, prefixes })
}

fn participants(tree: &sled::Tree, sid: &RoomSid) -> Result<Vec<Presence>, ReadError> {
    let query = PresenceQuery {
        room: Some(sid.clone()),
        limit: MAX_PAGE,
        ..PresenceQuery::default()
    };
    Ok(presences(tree, &query)?.items)
}

fn room_at(tree: &sled::Tree, sequence: u64) -> Result<Option<RoomSession>, ReadError> {
    read(tree, Table::Rooms, &Table::Rooms.at(sequence))
}

fn presence_at(tree: &sled::Tree, sequence: u64) -> Result<Option<Presence>, ReadError> {
    read(tree, Table::Presences, &Table::Presences.at(sequence))
}

fn every(
    tree: &sled::Tree,
    table: Table,
    mut visit: impl FnMut(u64) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    for key in tree.scan_prefix(table.key()).keys() {
        let key = key?;
        visit(super::key::sequence(&key).ok_or_else(|| super::corrupt(table, &key))?)?;
    }
    Ok(())
}

fn mark(batch: &mut sled::Batch, key: Vec<u8>, set: bool) {
    if set {
        batch.insert(key, &[]);
    } else {
        batch.remove(key);
    }
}

/// Whether something that began and perhaps ended has a moment in `[from, to)`.
fn lasts(
    began: UnixMillis,
    ended: Option<UnixMillis>,
    from: Option<UnixMillis>,
    to: Option<UnixMillis>,
) -> bool {
    from.is_none_or(|from| ended.is_none_or(|ended| ended >= from))
        && to.is_none_or(|to| began < to)
}

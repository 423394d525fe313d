//! Questions about events: by sequence, and by what they are asked for. The index says which; the
//! events themselves stand in the journal.

use super::key::Table;
use super::postings::{BLOCK_EVENTS, OpenBlock, Postings};
use super::scan::{Every, Seek, Verdict, Window, page};
use super::{View, decode};
use crate::error::ReadError;
use crate::journal::log::Log;
use crate::query::{EventQuery, Page, StoredEvent};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocab::UnixMillis;

/// Earliest and latest time among the events of one block. The clock of a box may step, so time
/// does not follow sequence; with these a question about a day leaps over all other days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zone {
    earliest: UnixMillis,
    latest: UnixMillis,
}

impl Zone {
    /// The zone of a full block.
    pub(crate) fn of(block: &OpenBlock) -> Option<Self> {
        let times = || block.events.iter().map(|stored| stored.event.at);
        Some(Self {
            earliest: times().min()?,
            latest: times().max()?,
        })
    }
}

/// One page of events, found by the index.
pub(crate) fn query(view: &View, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
    let timed = query.from.is_some() || query.to.is_some();
    let mut known: Option<(u64, Option<Zone>)> = None;
    page(sources(view, query), window(query), |sequence| {
        let block = sequence / BLOCK_EVENTS;
        if timed && block < view.open.number {
            let zone = match known {
                Some((at, zone)) if at == block => zone,
                _ => zone(&view.db, block)?,
            };
            known = Some((block, zone));
            if zone.is_some_and(|zone| !overlaps(query, zone)) {
                return Ok(Verdict::SkipTo(if query.newest_first {
                    (block * BLOCK_EVENTS).saturating_sub(1)
                } else {
                    (block + 1) * BLOCK_EVENTS
                }));
            }
        }
        let stored = match view.open.get(sequence) {
            Some(stored) => Some(stored.clone()),
            None => view.log.event(sequence)?,
        };
        Ok(judge(query, stored))
    })
}

/// One page of events, found by reading the journal from one end. Slow on a long one, but always
/// there; a page that examined much ends early, as any does.
pub(crate) fn scan(log: &Log, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
    let every: Vec<Box<dyn Seek>> = vec![Box::new(Every { last: log.synced() })];
    page(every, window(query), |sequence| {
        Ok(judge(query, log.event(sequence)?))
    })
}

fn window(query: &EventQuery) -> Window {
    Window {
        after: query.after,
        limit: query.limit,
        newest_first: query.newest_first,
    }
}

/// Proves every condition again: a list of the index that has rotted may miss an event, but cannot
/// show a wrong one.
fn judge(query: &EventQuery, stored: Option<StoredEvent>) -> Verdict<StoredEvent> {
    stored
        .filter(|stored| {
            let event = &stored.event;
            let actor = event.actor.as_ref().map(|actor| &actor.identity);
            query.room.as_ref().is_none_or(|room| *room == event.room)
                && query
                    .room_name
                    .as_ref()
                    .is_none_or(|name| *name == event.room_name)
                && query.actor.as_ref().is_none_or(|who| Some(who) == actor)
                && (query.kinds.is_empty() || query.kinds.contains(&event.data.event_type()))
                && query.from.is_none_or(|from| event.at >= from)
                && query.to.is_none_or(|to| event.at < to)
        })
        .map_or(Verdict::Skip, Verdict::Take)
}

fn sources<'a>(view: &'a View, query: &EventQuery) -> Vec<Box<dyn Seek + 'a>> {
    let mut lists = Vec::new();
    if let Some(room) = &query.room {
        lists.push(vec![Table::EventsByRoom.text(room.as_str())]);
    }
    if let Some(name) = &query.room_name {
        lists.push(vec![Table::EventsByName.text(name.as_str())]);
    }
    if let Some(actor) = &query.actor {
        lists.push(vec![Table::EventsByActor.text(actor.as_str())]);
    }
    if !query.kinds.is_empty() {
        let kinds: BTreeSet<u8> = query.kinds.iter().map(|kind| *kind as u8).collect();
        let kinds = kinds.into_iter().map(|k| Table::EventsByKind.byte(k));
        lists.push(kinds.collect());
    }
    if lists.is_empty() {
        let last = view.applied;
        return vec![Box::new(Every { last })];
    }
    lists
        .into_iter()
        .map(|prefixes| {
            Box::new(Postings::new(&view.db, &view.open, prefixes)) as Box<dyn Seek + 'a>
        })
        .collect()
}

fn overlaps(query: &EventQuery, zone: Zone) -> bool {
    query.from.is_none_or(|from| zone.latest >= from)
        && query.to.is_none_or(|to| zone.earliest < to)
}

fn zone(tree: &sled::Tree, block: u64) -> Result<Option<Zone>, ReadError> {
    let key = Table::Zones.at(block);
    tree.get(&key)?
        .map(|bytes| decode(Table::Zones, &key, &bytes))
        .transpose()
}

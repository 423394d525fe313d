//! Events in the index: by sequence, and by what they are asked for.

use super::key::Table;
use super::scan::{Source, Verdict, Window, page};
use super::{decode, encode, read};
use crate::error::ReadError;
use crate::query::{EventQuery, Page, StoredEvent};
use domain::Event;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocab::UnixMillis;

/// Sequences that share one entry of times. The clock of a box may step, so time does not follow
/// sequence; earliest and latest per block let a question about a day leap over all other days.
const ZONE_EVENTS: u64 = 1_024;

/// Earliest and latest time among the events of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Zone {
    earliest: UnixMillis,
    latest: UnixMillis,
}

/// The zone being filled.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct OpenZone {
    block: u64,
    zone: Option<Zone>,
}

impl OpenZone {
    /// The zone the next event after `applied` falls into, as saved.
    pub(crate) fn restore(tree: &sled::Tree, applied: u64) -> Result<Self, ReadError> {
        let block = (applied + 1) / ZONE_EVENTS;
        Ok(Self {
            block,
            zone: zone(tree, block)?,
        })
    }

    fn add(&mut self, sequence: u64, at: UnixMillis) -> Zone {
        let block = sequence / ZONE_EVENTS;
        if block != self.block {
            *self = Self { block, zone: None };
        }
        let zone = self.zone.unwrap_or(Zone {
            earliest: at,
            latest: at,
        });
        let zone = Zone {
            earliest: zone.earliest.min(at),
            latest: zone.latest.max(at),
        };
        self.zone = Some(zone);
        zone
    }
}

/// Puts one event and its look-ups into a batch.
pub(crate) fn insert(batch: &mut sled::Batch, open: &mut OpenZone, stored: &StoredEvent) {
    let StoredEvent { sequence, event } = stored;
    let sequence = *sequence;
    batch.insert(Table::Events.at(sequence), encode(event));
    batch.insert(
        Table::EventsByRoom.text(event.room.as_str()).at(sequence),
        &[],
    );
    batch.insert(
        Table::EventsByName
            .text(event.room_name.as_str())
            .at(sequence),
        &[],
    );
    if let Some(actor) = &event.actor {
        batch.insert(
            Table::EventsByActor
                .text(actor.identity.as_str())
                .at(sequence),
            &[],
        );
    }
    batch.insert(
        Table::EventsByKind
            .byte(event.data.event_type() as u8)
            .at(sequence),
        &[],
    );
    let zone = open.add(sequence, event.at);
    batch.insert(Table::Zones.at(sequence / ZONE_EVENTS), encode(&zone));
}

/// One page of events.
pub(crate) fn query(tree: &sled::Tree, query: &EventQuery) -> Result<Page<StoredEvent>, ReadError> {
    let window = Window {
        after: query.after,
        limit: query.limit,
        newest_first: query.newest_first,
    };
    let timed = query.from.is_some() || query.to.is_some();
    let mut known: Option<(u64, Option<Zone>)> = None;
    page(tree, &sources(query), window, |sequence| {
        let block = sequence / ZONE_EVENTS;
        if timed {
            let zone = match known {
                Some((at, zone)) if at == block => zone,
                _ => zone(tree, block)?,
            };
            known = Some((block, zone));
            if zone.is_some_and(|zone| !overlaps(query, zone)) {
                return Ok(Verdict::SkipTo(if query.newest_first {
                    (block * ZONE_EVENTS).saturating_sub(1)
                } else {
                    (block + 1) * ZONE_EVENTS
                }));
            }
        }
        let Some(event) = event(tree, sequence)? else {
            return Ok(Verdict::Skip);
        };
        let inside = query.from.is_none_or(|from| event.at >= from)
            && query.to.is_none_or(|to| event.at < to);
        Ok(if inside {
            Verdict::Take(StoredEvent { sequence, event })
        } else {
            Verdict::Skip
        })
    })
}

/// The event at `sequence`.
pub(crate) fn event(tree: &sled::Tree, sequence: u64) -> Result<Option<Event>, ReadError> {
    read(tree, Table::Events, &Table::Events.at(sequence))
}

fn sources(query: &EventQuery) -> Vec<Source> {
    let mut sources = Vec::new();
    if let Some(room) = &query.room {
        sources.push(Source(vec![Table::EventsByRoom.text(room.as_str())]));
    }
    if let Some(name) = &query.room_name {
        sources.push(Source(vec![Table::EventsByName.text(name.as_str())]));
    }
    if let Some(actor) = &query.actor {
        sources.push(Source(vec![Table::EventsByActor.text(actor.as_str())]));
    }
    if !query.kinds.is_empty() {
        let kinds: BTreeSet<u8> = query.kinds.iter().map(|kind| *kind as u8).collect();
        sources.push(Source(
            kinds
                .into_iter()
                .map(|k| Table::EventsByKind.byte(k))
                .collect(),
        ));
    }
    if sources.is_empty() {
        sources.push(Source(vec![Table::Events.all()]));
    }
    sources
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

//! Which events concern a room, a name, an actor or a type: lists of sequences, one per text and
//! block of [`BLOCK_EVENTS`], written once when the block is full. The block being filled stays in
//! memory; after a restart it is read from the journal again. A million events are about a
//! thousand blocks, so the index is written some twenty times less than with a key per event.

use super::key::{Prefix, Table};
use super::scan::Seek;
use super::{SCHEMA, corrupt};
use crate::error::ReadError;
use crate::query::StoredEvent;
use domain::Event;
use std::collections::BTreeMap;

/// Events in one block: places within it fit 16 bits, and a full one is some 200 KB of memory.
pub(crate) const BLOCK_EVENTS: u64 = 1_024;

/// The block being filled, in memory.
#[derive(Debug, Default, Clone)]
pub(crate) struct OpenBlock {
    /// Its events, in order; those that the journal can no longer read are missing.
    pub(crate) events: Vec<StoredEvent>,
    /// Its number: sequences from `number` × [`BLOCK_EVENTS`] on.
    pub(crate) number: u64,
}

impl OpenBlock {
    /// The block the event after `applied` falls into, without events.
    pub(crate) fn after(applied: u64) -> Self {
        Self {
            events: Vec::new(),
            number: (applied + 1) / BLOCK_EVENTS,
        }
    }

    /// Its first sequence.
    pub(crate) fn first(&self) -> u64 {
        (self.number * BLOCK_EVENTS).max(1)
    }

    /// The event at `sequence`, if the block holds it.
    pub(crate) fn get(&self, sequence: u64) -> Option<&StoredEvent> {
        let at = self
            .events
            .binary_search_by_key(&sequence, |stored| stored.sequence);
        at.ok().and_then(|at| self.events.get(at))
    }

    /// Takes the next event; `true` when the block is full.
    pub(crate) fn push(&mut self, stored: StoredEvent) -> bool {
        let last = stored.sequence % BLOCK_EVENTS == BLOCK_EVENTS - 1;
        self.events.push(stored);
        last
    }

    /// The keys and values that stand for it once it is full.
    pub(crate) fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut lists: BTreeMap<Prefix, Vec<u8>> = BTreeMap::new();
        for StoredEvent { sequence, event } in &self.events {
            let place = ((sequence % BLOCK_EVENTS) as u16).to_le_bytes();
            for prefix in prefixes(event) {
                lists
                    .entry(prefix)
                    .or_insert_with(|| vec![SCHEMA])
                    .extend_from_slice(&place);
            }
        }
        lists
            .into_iter()
            .map(|(prefix, list)| (prefix.at(self.number), list))
            .collect()
    }
}

/// Everything an event is found by.
fn prefixes(event: &Event) -> impl Iterator<Item = Prefix> {
    let actor = event.actor.as_ref();
    [
        Some(Table::EventsByRoom.text(event.room.as_str())),
        Some(Table::EventsByName.text(event.room_name.as_str())),
        actor.map(|actor| Table::EventsByActor.text(actor.identity.as_str())),
        Some(Table::EventsByKind.byte(event.data.event_type() as u8)),
    ]
    .into_iter()
    .flatten()
}

/// The sequences of the events found by any of some prefixes.
pub(crate) struct Postings<'a> {
    tree: &'a sled::Tree,
    open: &'a OpenBlock,
    lists: Vec<List>,
}

/// One prefix, with the block looked at last.
struct List {
    prefix: Prefix,
    /// Its sequences in the block being filled.
    fresh: Vec<u64>,
    seen: Option<(u64, Vec<u64>)>,
}

impl<'a> Postings<'a> {
    /// The union of what stands under `prefixes`.
    pub(crate) fn new(tree: &'a sled::Tree, open: &'a OpenBlock, prefixes: Vec<Prefix>) -> Self {
        let lists = prefixes
            .into_iter()
            .map(|prefix| List {
                fresh: open
                    .events
                    .iter()
                    .filter(|stored| self::prefixes(&stored.event).any(|p| p == prefix))
                    .map(|stored| stored.sequence)
                    .collect(),
                prefix,
                seen: None,
            })
            .collect();
        Self { tree, open, lists }
    }
}

impl Seek for Postings<'_> {
    fn seek(&mut self, at: u64, newest_first: bool) -> Result<Option<u64>, ReadError> {
        let mut nearest: Option<u64> = None;
        for list in &mut self.lists {
            let found = if newest_first {
                list.before(self.tree, self.open.number, at)?
            } else {
                list.after(self.tree, self.open.number, at)?
            };
            nearest = match (nearest, found) {
                (Some(a), Some(b)) => Some(if newest_first { a.max(b) } else { a.min(b) }),
                (a, b) => a.or(b),
            };
        }
        Ok(nearest)
    }
}

impl List {
    fn after(&mut self, tree: &sled::Tree, open: u64, at: u64) -> Result<Option<u64>, ReadError> {
        let mut block = at / BLOCK_EVENTS;
        if let Some((seen, places)) = &self.seen
            && *seen == block
        {
            if let Some(found) = places.iter().find(|place| **place >= at) {
                return Ok(Some(*found));
            }
            block += 1;
        }
        while block < open {
            let range = self.prefix.at(block)..self.prefix.at(open);
            let Some(row) = tree.range(range).next() else {
                break;
            };
            let places = self.hold(row?)?;
            if let Some(found) = places.iter().find(|place| **place >= at) {
                return Ok(Some(*found));
            }
            block = self.seen.as_ref().map_or(open, |(seen, _)| seen + 1);
        }
        Ok(self.fresh.iter().find(|place| **place >= at).copied())
    }

    fn before(&mut self, tree: &sled::Tree, open: u64, at: u64) -> Result<Option<u64>, ReadError> {
        if let Some(found) = self.fresh.iter().rev().find(|place| **place <= at) {
            return Ok(Some(*found));
        }
        // Blocks below this one are asked.
        let mut below = (at / BLOCK_EVENTS).saturating_add(1).min(open);
        if let Some((seen, places)) = &self.seen
            && *seen + 1 == below
        {
            if let Some(found) = places.iter().rev().find(|place| **place <= at) {
                return Ok(Some(*found));
            }
            below -= 1;
        }
        while below > 0 {
            let range = self.prefix.at(0)..self.prefix.at(below);
            let Some(row) = tree.range(range).next_back() else {
                break;
            };
            let places = self.hold(row?)?;
            if let Some(found) = places.iter().rev().find(|place| **place <= at) {
                return Ok(Some(*found));
            }
            below = self.seen.as_ref().map_or(0, |(seen, _)| *seen);
        }
        Ok(None)
    }

    /// Decodes a row and keeps it: the next question is likely to be about the same block.
    fn hold(&mut self, (key, value): (sled::IVec, sled::IVec)) -> Result<&[u64], ReadError> {
        let damaged = || corrupt(Table::of_key(&key), &key);
        let block = super::key::sequence(&key).ok_or_else(damaged)?;
        let Some((&SCHEMA, list)) = value.split_first() else {
            return Err(damaged());
        };
        let (places, rest) = list.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(damaged());
        }
        let places = places
            .iter()
            .map(|place| block * BLOCK_EVENTS + u64::from(u16::from_le_bytes(*place)))
            .collect();
        let (_, places) = self.seen.insert((block, places));
        Ok(places)
    }
}

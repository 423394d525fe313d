//! The store as the control thread drives it.

use crate::error::{OpenStoreError, PushError, StoreError};
use crate::reader::Reader;
use domain::Event;
use std::io;
use std::path::{Path, PathBuf};
use vocab::{RoomName, RoomSid, UnixMillis};

/// Limits and seams of a store; `Default` is what a box runs with.
#[derive(Clone, Default)]
pub struct StoreOptions {}

/// The journal, its index and the outbox, driven by one thread.
pub struct Store {
    outbox: Outbox,
    outbox_reader: OutboxReader,
}

/// What opening found and did.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// The last sequence in the journal, after closing what was open.
    pub last_sequence: u64,
    /// Bytes cut off a torn tail; never of an acknowledged record.
    pub truncated_bytes: u64,
    /// Events the index had to catch up on.
    pub replayed: u64,
    /// What became of the index.
    pub index: IndexFate,
    /// Rooms the last run left open, now closed.
    pub closed: Vec<ClosedRoom>,
    /// Outbox entries waiting for delivery.
    pub outbox_waiting: usize,
    /// Outbox bytes that no longer decode; skipped.
    pub outbox_damaged_bytes: u64,
}

/// What became of the index at opening.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexFate {
    /// It fits the journal.
    #[default]
    Kept,
    /// There was none.
    Created,
    /// It was unusable, moved aside and rebuilt.
    Rebuilt {
        /// Why.
        reason: String,
        /// Where the old one is now.
        moved_to: PathBuf,
    },
}

/// A room the last run left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRoom {
    /// Its life.
    pub sid: RoomSid,
    /// Its name.
    pub name: RoomName,
    /// Presences closed with it.
    pub presences: usize,
}

impl Store {
    /// Opens the data folder `dir`, recovers it and closes what a crash left open.
    pub fn open(_dir: &Path, _now: UnixMillis) -> Result<(Self, Recovery), OpenStoreError> {
        Ok((Self { outbox: Outbox {}, outbox_reader: OutboxReader {} }, Recovery::default()))
    }

    /// Takes an event into the buffer and returns its sequence; not yet acknowledged.
    pub fn append(&mut self, _event: &Event) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// Writes what was appended and pushed, syncs it, then applies it to the index.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Answers questions, from any thread.
    pub fn reader(&self) -> Reader {
        Reader {}
    }

    /// The webhook queue's writing end; durable at [`Self::commit`].
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The webhook queue's reading end. One consumer.
    pub fn outbox_reader(&self) -> OutboxReader {
        self.outbox_reader.clone()
    }
}

/// The writing end of the webhook queue.
pub struct Outbox {}

impl Outbox {
    /// Queues one webhook body; durable at [`Store::commit`].
    pub fn push(&mut self, _body: &[u8]) -> Result<u64, PushError> {
        Ok(0)
    }
}

/// The reading end of the webhook queue.
#[derive(Clone)]
pub struct OutboxReader {}

/// One webhook body in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the queue.
    pub sequence: u64,
    /// The exact bytes pushed.
    pub body: Vec<u8>,
}

impl OutboxReader {
    /// The oldest entry not yet delivered.
    pub fn peek(&self) -> io::Result<Option<OutboxEntry>> {
        Ok(None)
    }

    /// The oldest undelivered entry after `sequence`.
    pub fn next_after(&self, _sequence: u64) -> io::Result<Option<OutboxEntry>> {
        Ok(None)
    }

    /// Erases every entry up to and including `sequence`.
    pub fn delivered(&self, _sequence: u64) -> io::Result<()> {
        Ok(())
    }

    /// Completes when an entry after `sequence` is in the queue.
    pub async fn after(&self, _sequence: u64) {
        std::future::pending::<()>().await;
    }
}


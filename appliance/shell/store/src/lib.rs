//! The journal, its sled index and the webhook outbox.
//!
//! The journal is the truth: an event is acknowledged once its record is on disk. The index can
//! be thrown away and rebuilt from it at any time. The outbox holds webhooks until every
//! receiver has them.

mod error;
mod query;
mod reader;
mod store;

pub use error::{OpenStoreError, PushError, ReadError, RecoverJournalError, StoreError};
pub use query::{
    EventQuery, MAX_PAGE, MAX_TRACKS, Page, Presence, PresenceQuery, RoomSession, SessionQuery, StoredEvent,
    TrackRecord,
};
pub use reader::Reader;
pub use store::{ClosedRoom, IndexFate, Outbox, OutboxEntry, OutboxReader, Recovery, Store, StoreOptions};

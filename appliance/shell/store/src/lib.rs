//! The journal, its sled index and the webhook outbox.
//!
//! The journal is the truth: an event is acknowledged once its record is on disk. The index can
//! be thrown away and rebuilt from it at any time. The outbox holds webhooks until every
//! receiver has them.
//!
//! ```text
//! <data folder>/        0700
//!   lock                held while a process uses the folder; says which
//!   ballast             64 MiB held back for the journal
//!   audit/*.log         who did what, chained the same way (`audit.rs`)
//!   audit.ballast       4 MiB held back for it
//!   audit.heads         where it ended, signed (`heads`)
//!   journal/*.log       records, chained (`journal/record.rs`)
//!   checkpoint.0 .1     what was open at some record (`store/checkpoint.rs`); made anew at will
//!   index/              sled; rebuilt at will, by a thread of its own
//!   index.suspect       present: the index is rebuilt at the next start
//!   index.broken-*/     the last unusable ones
//!   outbox/*.log        webhooks waiting (`outbox/entry.rs`)
//! ```

mod audit;
mod backup;
mod error;
mod index;
mod journal;
mod outbox;
mod query;
mod reader;
#[cfg(test)]
mod samples;
mod store;
mod vfs;

pub use audit::verify::{VerifiedAudit, VerifyAuditError};
pub use audit::{Audit, AuditQuery, AuditReader, Chain, StoredAudit};
pub use backup::{Backup, BackupError, backup, newest_backup, restore};
pub use error::{OpenStoreError, PushError, ReadError, RecoverJournalError, StoreError};
pub use outbox::entry::MAX_OUTBOX_ENTRY_BYTES;
pub use outbox::{MAX_OUTBOX_BYTES, Outbox, OutboxEntry, OutboxReader};
pub use query::{
    EventQuery, MAX_PAGE, MAX_TRACKS, Page, Presence, PresenceQuery, RoomSession, SessionQuery,
    StoredEvent, TrackRecord,
};
pub use reader::{IndexState, IndexStatus, Reader};
pub use store::{
    BALLAST_BYTES, CheckpointFate, ClosedPresence, ClosedRoom, ExportError, Farewell, IndexFate,
    JournalHealth, RebuildError, Recovery, Stopped, Store, StoreOptions, Verified, VerifyError,
};

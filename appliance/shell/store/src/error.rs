//! Why the store could not do something: each message says what, where and what to do.

use std::io;
use std::path::PathBuf;
use vocab::ErrorKind;

/// Why the data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The folder, or something in it, cannot be made or read.
    #[error("the data folder {path} cannot be used ({source}): give this user read and write access to it, or choose another with --data", path = path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Another process holds it.
    #[error("the data folder {path} is in use by {owner}: stop that process, or choose another folder with --data", path = path.display())]
    InUse {
        /// Which.
        path: PathBuf,
        /// `process 1234`, or `another process` where its id could not be read.
        owner: String,
    },
    /// The journal is damaged where it must not be.
    #[error(transparent)]
    Journal(#[from] RecoverJournalError),
    /// What the last run left open could not be closed.
    #[error("sessions left open by the last run could not be closed: {0}")]
    Reset(#[source] StoreError),
}

/// Why the journal could not be recovered. Nothing was changed on disk.
#[derive(Debug, thiserror::Error)]
pub enum RecoverJournalError {
    /// A file cannot be read or written.
    #[error("{file} cannot be read ({source}): check the disk and the file's owner", file = file.display())]
    Io {
        /// Which.
        file: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A record that was once on disk no longer is: not a torn tail.
    #[error("{file} is damaged at byte {offset}, record {sequence}, with acknowledged records after it: restore the file from a backup", file = file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// The record expected there.
        sequence: u64,
    },
    /// Records between two files are missing.
    #[error("{file} begins with record {found}, but {expected} comes next: a file is missing, restore it from a backup", file = file.display())]
    Gap {
        /// Which.
        file: PathBuf,
        /// The record that comes next.
        expected: u64,
        /// The record the file begins with.
        found: u64,
    },
    /// A record is whole but does not follow from the one before it.
    #[error("{file} at byte {offset}: record {sequence} does not continue the hash chain: the file was altered, restore it from a backup", file = file.display())]
    BrokenChain {
        /// Which.
        file: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// Which record.
        sequence: u64,
    },
    /// A record is whole, but written by another version of the box.
    #[error("{file} at byte {offset}: record {sequence} has schema {schema}, which this version cannot read: use the version that wrote it, or a newer one", file = file.display())]
    Schema {
        /// Which.
        file: PathBuf,
        /// Where, in bytes from its start.
        offset: u64,
        /// Which record.
        sequence: u64,
        /// Its schema version.
        schema: u8,
    },
}

/// Why an event was not accepted or not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The event is larger than any event may be. It was not taken.
    #[error("an event of {bytes} bytes is larger than the {max} a record may hold")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// So much waits for the disk that no more is taken.
    #[error("{bytes} bytes already wait for the disk: free space on it")]
    Backlog {
        /// How much waits.
        bytes: usize,
    },
    /// The disk is full. What was appended stays buffered and goes with the next commit that
    /// succeeds; until then it is not acknowledged.
    #[error("the disk is full, {file} cannot grow: free space, the box carries on by itself", file = file.display())]
    DiskFull {
        /// What could not grow.
        file: PathBuf,
    },
    /// A write or a sync failed once: what is on disk is unknown, so nothing is acknowledged
    /// any more until the process is started again and recovers.
    #[error("{file} could not be {operation} ({reason}): check the disk, then restart the box", file = file.display())]
    Failed {
        /// Which.
        file: PathBuf,
        /// `written`, `synced` or `created`.
        operation: &'static str,
        /// What the kernel said, the first time.
        reason: String,
    },
}

impl StoreError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::Invalid,
            Self::Backlog { .. } | Self::DiskFull { .. } => ErrorKind::Exhausted,
            Self::Failed { .. } => ErrorKind::Unavailable,
        }
    }
}

/// Why a webhook was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The queue holds all it may; the oldest are kept, this one is refused and counted.
    #[error("the webhook outbox is full ({bytes} bytes wait): check the receivers")]
    Full {
        /// How much waits.
        bytes: u64,
    },
    /// One entry larger than any may be; refused and counted.
    #[error("a webhook of {bytes} bytes is larger than the {max} an entry may hold")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
}

/// Why a question could not be answered. The journal is not affected.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// sled could not read its files.
    #[error("the index cannot be read: restart the box, it rebuilds the index by itself")]
    Index(#[from] sled::Error),
    /// An entry of the index does not decode.
    #[error(
        "the index entry {table}/{key} does not decode: restart the box, it rebuilds the index by itself"
    )]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which key, in hexadecimal.
        key: String,
    },
    /// The journal itself cannot be read there.
    #[error(transparent)]
    Journal(RecoverJournalError),
    /// The index is being opened, caught up or rebuilt. Events are read from the journal meanwhile.
    #[error("the index is catching up: {applied} of {of} events; ask again in a moment")]
    CatchingUp {
        /// Events it has.
        applied: u64,
        /// Events there are.
        of: u64,
    },
    /// sled panicked earlier; it is not asked again in this process.
    #[error("the index failed and is closed: restart the box, it rebuilds the index by itself")]
    Closed,
}

impl ReadError {
    /// What the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    /// Whether the index itself is to blame, so that the next start should build it again.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Index(sled::Error::Io(_))
            | Self::Journal(_)
            | Self::CatchingUp { .. }
            | Self::Closed => false,
            Self::Index(_) | Self::Corrupt { .. } => true,
        }
    }
}

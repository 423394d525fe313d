//! A note beside the journal of what was known at one of its records, so that a start replays only
//! what came after it. It is a cache: without it, or when it is damaged or belongs to another
//! journal, the whole journal is replayed.
//!
//! Two files take turns, so that one is whole whenever the other is being written:
//!
//! ```text
//! offset  bytes  what
//!      0      8  "RWCKPT" and the format version, two digits
//!      8      4  CRC32C over what follows, little-endian
//!     12      n  the checkpoint in postcard
//! ```

use super::known::Known;
use crate::journal::record::Hash;
use crate::vfs::Vfs;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

const MAGIC: &[u8; 8] = b"RWCKPT02";

const HEADER_BYTES: usize = 12;

/// The files that take turns.
const NAMES: [&str; 2] = ["checkpoint.0", "checkpoint.1"];

/// Events between two checkpoints: a start replays at most some two of these, in about 30 ms.
pub(crate) const CHECKPOINT_EVENTS: u64 = 8_192;

/// Most bytes of the journal's last group kept here. Larger groups are not vouched for.
const MAX_VOUCHED_BYTES: usize = 256 * 1024;

/// What was known at one record of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The record.
    pub(crate) sequence: u64,
    /// Its hash: tells this journal from another.
    pub(crate) hash: Hash,
    /// What was known after it.
    pub(crate) known: Known,
    /// The journal's last group as it stood on disk: no later record vouches for it yet, so if it
    /// rots, it is written again from here.
    pub(crate) last_group: Vec<u8>,
}

impl Checkpoint {
    /// The file's bytes.
    pub(crate) fn encode(sequence: u64, hash: Hash, known: &Known, last_group: &[u8]) -> Vec<u8> {
        let vouched = if last_group.len() <= MAX_VOUCHED_BYTES {
            last_group
        } else {
            &[]
        };
        let header = [MAGIC.as_slice(), &[0; 4]].concat();
        #[expect(
            clippy::expect_used,
            reason = "plain data into a growing vector: no failure exists"
        )]
        let mut bytes = postcard::to_extend(&(sequence, hash, known, vouched), header)
            .expect("a checkpoint is plain data");
        let crc = crc32c::crc32c(&bytes[HEADER_BYTES..]);
        bytes[8..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` for anything that is not whole.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (crc, body) = rest.split_first_chunk()?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (checkpoint, after) = postcard::take_from_bytes(body).ok()?;
        after.is_empty().then_some(checkpoint)
    }
}

/// What stood in the two files.
pub(crate) struct Found {
    /// The whole ones, latest first.
    pub(crate) whole: Vec<Checkpoint>,
    /// Files that were there and not whole.
    pub(crate) damaged: usize,
    /// Which file to write next: never the latest whole one.
    next: usize,
}

/// Reads both files in `dir`.
pub(crate) fn find(disk: &dyn Vfs, dir: &Path) -> Found {
    let mut damaged = 0;
    let mut whole: Vec<(usize, Checkpoint)> = Vec::new();
    for (slot, name) in NAMES.iter().enumerate() {
        match disk.read(&dir.join(name)).map(|b| Checkpoint::decode(&b)) {
            Ok(Some(checkpoint)) => whole.push((slot, checkpoint)),
            Ok(None) => damaged += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(file = name, %error, "a checkpoint cannot be read");
                damaged += 1;
            }
        }
    }
    whole.sort_by_key(|(_, checkpoint)| std::cmp::Reverse(checkpoint.sequence));
    let next = whole.first().map_or(0, |(slot, _)| 1 - slot);
    Found {
        whole: whole.into_iter().map(|(_, c)| c).collect(),
        damaged,
        next,
    }
}

/// Writes checkpoints on a thread of its own: the commit that causes one does not wait for its
/// sync.
pub(crate) struct Checkpoints {
    sender: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<Slots>>,
}

/// The two files, as a writer sees them.
pub(crate) struct Slots {
    disk: Arc<dyn Vfs>,
    dir: PathBuf,
    next: usize,
}

impl Slots {
    /// The files in `dir` after `found`.
    pub(crate) fn new(disk: Arc<dyn Vfs>, dir: &Path, found: &Found) -> Self {
        Self {
            disk,
            dir: dir.to_path_buf(),
            next: found.next,
        }
    }

    /// Replaces the older of the two.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let name = NAMES.get(self.next).copied().unwrap_or(NAMES[0]);
        let path = self.dir.join(name);
        let mut file = self.disk.create(&path)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.disk.sync_dir(&self.dir)?;
        self.next = 1 - self.next;
        Ok(())
    }

    fn write_or_say(&mut self, bytes: &[u8]) {
        if let Err(error) = self.write(bytes) {
            metrics::counter!("ringward_checkpoint_failures_total").increment(1);
            tracing::warn!(%error, "a checkpoint was not written; the next start replays more");
        }
    }
}

impl Checkpoints {
    /// Starts the thread. Without one (the kernel refused) starts only take longer.
    pub(crate) fn start(mut slots: Slots) -> Self {
        let (sender, waiting) = mpsc::sync_channel::<Vec<u8>>(1);
        let thread = thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                for bytes in waiting {
                    slots.write_or_say(&bytes);
                }
                slots
            });
        Self {
            sender: Some(sender),
            thread: thread.ok(),
        }
    }

    /// Hands one over; `false` if the last is still being written.
    pub(crate) fn offer(&self, bytes: Vec<u8>) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|sender| sender.try_send(bytes).is_ok())
    }

    /// Writes the last one, after those handed over before.
    pub(crate) fn finish(&mut self, bytes: &[u8]) {
        drop(self.sender.take());
        if let Some(Ok(mut slots)) = self.thread.take().map(JoinHandle::join) {
            slots.write_or_say(bytes);
        }
    }
}

//! Knowing what stood when the last run ended: from a checkpoint and what came after it, or from
//! the whole journal.

use super::checkpoint::{Checkpoint, Found};
use super::known::Known;
use crate::error::{OpenStoreError, RecoverJournalError};
use crate::journal::Journal;
use crate::journal::record::{Hash, Record};
use std::time::{Duration, Instant};

/// How often a long replay says where it is.
const SAY_PROGRESS: Duration = Duration::from_secs(1);

/// What the checkpoint was good for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CheckpointFate {
    /// There was none; the whole journal was read.
    #[default]
    Missing,
    /// Only what came after it was read.
    Used {
        /// The record it was made of.
        sequence: u64,
    },
    /// None of them was whole and of this journal; the whole journal was read.
    Ignored,
}

/// What a start knows of the past.
pub(crate) struct Resumed {
    pub(crate) known: Known,
    pub(crate) fate: CheckpointFate,
    pub(crate) replayed: u64,
    pub(crate) restored: u64,
    pub(crate) lost: u64,
    /// The record the checkpoint on disk is of; 0 for none.
    pub(crate) checkpointed: u64,
}

/// Brings what is known to the journal's end.
pub(crate) fn resume(journal: &mut Journal, found: Found) -> Result<Resumed, OpenStoreError> {
    let nothing = found.whole.is_empty() && found.damaged == 0;
    let (mut restored, mut lost) = (0, 0);
    if let Some(latest) = found.whole.first()
        && latest.sequence > journal.synced()
    {
        let missing = latest.sequence - journal.synced();
        if restore(journal, latest) {
            restored = missing;
            tracing::error!(
                events = missing,
                "acknowledged events were damaged at the journal's end: written again from the checkpoint"
            );
        } else {
            lost = missing;
            tracing::error!(
                events = missing,
                "acknowledged events are gone from the journal's end: check the disk"
            );
        }
    }
    for checkpoint in found.whole {
        let sequence = checkpoint.sequence;
        if let Some((known, replayed)) = replay_after(journal, checkpoint)? {
            return Ok(Resumed {
                known,
                fate: CheckpointFate::Used { sequence },
                replayed,
                restored,
                lost,
                checkpointed: sequence,
            });
        }
    }
    let fate = if nothing {
        CheckpointFate::Missing
    } else {
        tracing::warn!("no checkpoint is usable: the whole journal is read");
        CheckpointFate::Ignored
    };
    let mut known = Known::default();
    let replayed = replay(journal, 1, &mut known, |_, _| true)?;
    Ok(Resumed {
        known,
        fate,
        replayed,
        restored,
        lost,
        checkpointed: 0,
    })
}

/// `None` if the checkpoint is of another journal.
fn replay_after(
    journal: &Journal,
    checkpoint: Checkpoint,
) -> Result<Option<(Known, u64)>, RecoverJournalError> {
    let Checkpoint { sequence, hash, .. } = checkpoint;
    if sequence > journal.synced() {
        return Ok(None);
    }
    if sequence == journal.synced() {
        return Ok((hash == journal.synced_hash()).then_some((checkpoint.known, 0)));
    }
    if sequence == 0 {
        return Ok(None);
    }
    let mut known = checkpoint.known;
    let mut fits = false;
    let read = replay(journal, sequence, &mut known, |at, found| {
        fits |= at == sequence && *found == hash;
        at != sequence
    })?;
    Ok(fits.then_some((known, read)))
}

/// Applies the events from `from` on that `wanted` wants; returns how many.
fn replay(
    journal: &Journal,
    from: u64,
    known: &mut Known,
    mut wanted: impl FnMut(u64, &Hash) -> bool,
) -> Result<u64, RecoverJournalError> {
    let of = journal.synced();
    let mut said = Instant::now();
    let mut replayed = 0;
    journal.log().replay(from, of, &mut |stored, hash| {
        if wanted(stored.sequence, &hash) {
            known.apply(&stored.event);
            replayed += 1;
        }
        if said.elapsed() >= SAY_PROGRESS {
            said = Instant::now();
            tracing::info!(read = stored.sequence, of, "reading the journal");
        }
        Ok::<_, RecoverJournalError>(true)
    })?;
    Ok(replayed)
}

/// Writes to the journal again what the checkpoint vouches for beyond its end.
///
/// Such records were acknowledged, and the last group rotted: it looks like a torn tail. The
/// hashes prove that what is written back is what was there.
fn restore(journal: &mut Journal, checkpoint: &Checkpoint) -> bool {
    let mut rest = checkpoint.last_group.as_slice();
    let mut reached = journal.synced_hash();
    while let Some(record) = Record::decode(rest) {
        rest = rest.get(record.len()..).unwrap_or_default();
        if record.sequence <= journal.synced() {
            continue;
        }
        let appended = crate::journal::decode_payload(record.payload)
            .and_then(|event| journal.append(&event).ok());
        match appended {
            Some((sequence, hash)) if sequence == record.sequence && hash == record.hash => {
                reached = hash;
            }
            _ => break,
        }
    }
    if reached == checkpoint.hash && journal.commit().is_ok() {
        return true;
    }
    journal.discard();
    false
}

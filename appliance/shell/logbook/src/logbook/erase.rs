//! Erasing a session.

use super::{Inner, Logbook};
use crate::purge::{self, Purge};
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

impl Logbook {
    /// Makes sure that a session will be erased, also by a later start if this one ends too early.
    /// One small file: for any thread that may sync.
    ///
    /// # Errors
    /// The disk does not take it: nothing is erased.
    pub fn order(&self, purge: &Purge) -> io::Result<()> {
        self.0
            .folder
            .as_ref()
            .map_or(Ok(()), |folder| purge.order(folder))
    }

    /// Erases every record of a session from memory and from the files, and says how many attempts
    /// that were. On `Ok` it is on disk. Reads 256 MiB at most: not for a thread that others wait
    /// for.
    ///
    /// # Errors
    /// A file could not be written anew: what was ordered is done at the next start.
    pub fn erase(&self, purge: &Purge) -> io::Result<usize> {
        // Whoever writes waits, and finds nothing to write about them afterwards.
        let mut keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = keeper.as_mut() {
            keeper.let_go();
        }
        let mut erased: HashSet<String> = HashSet::new();
        erased.extend(self.0.shelf().remove(|record| purge.covers(record)));
        if let Some(folder) = &self.0.folder {
            erased.extend(purge.carry_out(folder)?);
        }
        Ok(erased.len())
    }

    /// Orders of an earlier run that it could not carry out, carried out at this start: which
    /// session, and how many attempts were erased.
    #[must_use]
    pub fn made_good(&self) -> &[(String, usize)] {
        &self.0.made_good
    }
}

impl Inner {
    /// A disk that does not take it keeps no box from starting: the order stays for the next one.
    pub(super) fn make_good(folder: &Path) -> io::Result<Vec<(String, usize)>> {
        let mut done = Vec::new();
        for purge in purge::orders(folder)? {
            match purge.carry_out(folder) {
                Ok(erased) => done.push((purge.session, erased.len())),
                Err(error) => tracing::error!(
                    session = purge.session,
                    %error,
                    "attempts of a purged session are not erased yet; the next start tries again"
                ),
            }
        }
        Ok(done)
    }
}

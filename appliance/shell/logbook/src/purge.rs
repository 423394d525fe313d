//! Erasing what is kept of one session: an order on disk first, so that a kill in between leaves all
//! of it to the next start.

use crate::day::Day;
use crate::line;
use crate::pages::{self, MAX_DAY_BYTES};
use attempt::Record;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vocab::UnixMillis;

/// Of an order's file; before it stands the session.
const ORDER: &str = ".purge";
/// Of a file being written anew; one that a kill left behind is overwritten by the next try.
const DRAFT: &str = "attempts.draft";
/// A join makes its room: what was asked is older than the room by as long as that takes.
const LEAD_MS: u64 = 10_000;

/// One session, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// The room's life (`RM_…`).
    pub session: String,
    /// Its room's name: attempts to reach it that became nothing say only that.
    pub room: String,
    /// When it began.
    pub from: UnixMillis,
    /// When it ended.
    pub until: UnixMillis,
}

impl Purge {
    /// Whether this is a record of the session: of a presence in it, or of an attempt to reach its
    /// room while it lived.
    pub(crate) fn covers(&self, record: &Record) -> bool {
        if let Some(session) = &record.session {
            return *session == self.session;
        }
        let from = UnixMillis(self.from.0.saturating_sub(LEAD_MS));
        record.room.as_ref() == Some(&self.room) && record.at >= from && record.at <= self.until
    }

    /// Puts the order on disk: it will be done, whatever happens.
    pub(crate) fn order(&self, folder: &Path) -> io::Result<()> {
        let path = self.path(folder)?;
        let draft = path.with_extension("order.draft");
        let mut file = create(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        sync(folder)
    }

    /// Does it: every file that holds something of the session is written anew without. Then the
    /// order is gone, too. Returns which attempts are erased.
    pub(crate) fn carry_out(&self, folder: &Path) -> io::Result<HashSet<String>> {
        let days = pages::days(folder)?;
        let mut ids = HashSet::new();
        for (_, path) in &days {
            ids.extend(self.found_in(path)?);
        }
        for (day, path) in &days {
            self.erase_from(folder, *day, path, &ids)?;
        }
        sync(folder)?;
        fs::remove_file(self.path(folder)?).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        sync(folder)?;
        Ok(ids)
    }

    /// The attempts of the session in one file. Any line of an attempt may be the one that says so.
    fn found_in(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        each_line(path, |text| {
            let record = line::read(text).filter(|record| self.covers(record));
            found.extend(record.map(|record| record.id));
            Ok(())
        })?;
        Ok(found)
    }

    fn erase_from(
        &self,
        folder: &Path,
        day: Day,
        path: &Path,
        ids: &HashSet<String>,
    ) -> io::Result<()> {
        let is_erased = |text: &[u8]| match line::read(text) {
            Some(record) => ids.contains(&record.id),
            // Torn by a crash: of whom it was, its bytes may still say.
            None => contains(text, &self.session) || ids.iter().any(|id| contains(text, id)),
        };
        let mut holds = false;
        each_line(path, |text| {
            holds |= is_erased(text);
            Ok(())
        })?;
        if !holds {
            return Ok(());
        }
        let draft = folder.join(format!("{day}.{DRAFT}"));
        let mut out = BufWriter::new(create(&draft)?);
        each_line(path, |text| {
            if is_erased(text) {
                return Ok(());
            }
            out.write_all(text)?;
            out.write_all(b"\n")
        })?;
        out.into_inner()?.sync_all()?;
        fs::rename(&draft, path)
    }

    fn path(&self, folder: &Path) -> io::Result<PathBuf> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.session.is_empty() || !self.session.chars().all(is_plain) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(folder.join(format!("{}{ORDER}", self.session)))
    }
}

/// The orders that were not carried out yet.
pub(crate) fn orders(folder: &Path) -> io::Result<Vec<Purge>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.ends_with(ORDER)) {
            found.extend(serde_json::from_slice::<Purge>(&fs::read(&path)?));
        }
    }
    Ok(found)
}

/// Every line of a file, without its end.
fn each_line(path: &Path, mut visit: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut lines = BufReader::new(File::open(path)?).take(MAX_DAY_BYTES * 2);
    let mut buffer = Vec::new();
    while lines.read_until(b'\n', &mut buffer)? > 0 {
        visit(buffer.strip_suffix(b"\n").unwrap_or(&buffer))?;
        buffer.clear();
    }
    Ok(())
}

fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part == word.as_bytes())
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(pages::FILE_MODE)
        .open(path)
}

/// Names are on disk when their folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;

//! The box's own file of heads, which is bounded.

use crate::head::{PREFIX, SignedHead};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file's name inside the data folder, beside the audit journal.
pub const HEADS_FILE: &str = "audit.heads";

/// Most heads kept: one a minute for sixty days, at 230 bytes each 20 MB. Beyond it the older half
/// goes: a head vouches for every entry before its own, so old heads say nothing that newer ones do
/// not.
pub const MAX_HEADS: usize = 60 * 24 * 60;

/// The file, open at its end.
pub(crate) struct Kept {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Kept {
    /// Opens or makes it. A line that a crash left unfinished is cut off. Also returns its newest
    /// heads, at most `recent`, oldest first.
    pub(crate) fn open(data: &Path, recent: usize) -> io::Result<(Self, Vec<SignedHead>)> {
        let path = data.join(HEADS_FILE);
        let file = append_to(&path)?;
        let bytes = fs::read(&path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |end| end + 1);
        if whole < bytes.len() {
            file.set_len(whole as u64)?;
        }
        let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default());
        let lines: Vec<&str> = text.lines().collect();
        let newest = lines.get(lines.len().saturating_sub(recent)..);
        // What somebody edited is named by a verification, not here.
        let found = newest.into_iter().flatten();
        let found = found.filter_map(|line| SignedHead::find(line)?.ok());
        let (found, lines) = (found.collect(), lines.len());
        Ok((Self { path, file, lines }, found))
    }

    /// Puts a head on disk.
    pub(crate) fn append(&mut self, head: &SignedHead) -> io::Result<()> {
        if self.lines >= MAX_HEADS {
            self.thin()?;
        }
        let ends = self.file.metadata()?.len();
        let line = format!("{head}\n");
        let written = self.file.write_all(line.as_bytes());
        if let Err(error) = written.and_then(|()| self.file.sync_data()) {
            // Half a line would spoil the next one.
            let _ = self.file.set_len(ends);
            return Err(error);
        }
        self.lines += 1;
        Ok(())
    }

    /// Keeps the newer half, as one step.
    fn thin(&mut self) -> io::Result<()> {
        let text = fs::read_to_string(&self.path)?;
        let lines: Vec<&str> = text.lines().filter(|l| l.starts_with(PREFIX)).collect();
        let newer = lines.get(lines.len() / 2..).unwrap_or_default();
        let bytes: String = newer.iter().flat_map(|line| [line, "\n"]).collect();
        let replaced = safe::replace_private(&self.path, bytes.as_bytes());
        replaced.map_err(io::Error::other)?;
        self.file = append_to(&self.path)?;
        self.lines = newer.len();
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use domain::AuditHead;
    use vocab::UnixMillis;

    #[test]
    fn heads_come_back_and_a_torn_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let heads = sign(&folder, 3);
        let (mut kept, none) = Kept::open(folder.path(), 2).unwrap();
        assert!(none.is_empty());
        kept.append(&heads[0]).unwrap();
        kept.append(&heads[1]).unwrap();
        let path = folder.path().join(HEADS_FILE);
        let mut torn = fs::read_to_string(&path).unwrap();
        torn.push_str(&heads[2].to_string()[..40]);
        fs::write(&path, torn).unwrap();
        let (mut kept, found) = Kept::open(folder.path(), 2).unwrap();
        assert_eq!(found, heads[..2]);
        kept.append(&heads[2]).unwrap();
        let (_, found) = Kept::open(folder.path(), 2).unwrap();
        assert_eq!(found, heads[1..]);
    }

    #[test]
    fn a_full_file_keeps_its_newer_half() {
        let folder = tempfile::tempdir().unwrap();
        let heads = sign(&folder, 2);
        let mut text = format!("{}\n", heads[0]).repeat(MAX_HEADS / 2);
        text.push_str(&format!("{}\n", heads[1]).repeat(MAX_HEADS / 2));
        fs::write(folder.path().join(HEADS_FILE), text).unwrap();
        let (mut kept, _) = Kept::open(folder.path(), 0).unwrap();
        kept.append(&heads[1]).unwrap();
        let (kept, found) = Kept::open(folder.path(), MAX_HEADS).unwrap();
        assert_eq!(kept.lines, MAX_HEADS / 2 + 1);
        assert!(found.iter().all(|head| *head == heads[1]));
    }

    fn sign(folder: &tempfile::TempDir, count: u64) -> Vec<SignedHead> {
        let key = SigningKey::open(folder.path()).unwrap();
        let head = |sequence| AuditHead {
            sequence,
            hash: [sequence as u8; 32],
            closed: false,
        };
        (1..=count)
            .map(|n| key.sign(head(n), UnixMillis(n)))
            .collect()
    }
}

//! The files: one per day, appended to, deleted whole.

use crate::day::Day;
use crate::line;
use attempt::Record;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use vocab::UnixMillis;

/// How long attempts are kept.
pub const KEPT_DAYS: u64 = 30;
/// Largest file of one day. Beyond it the day's attempts are counted and not written: some 50,000
/// lines say what another would.
pub(crate) const MAX_DAY_BYTES: u64 = 64 * 1024 * 1024;
/// All files together. Beyond it the oldest days go first; today's stays.
pub(crate) const MAX_TOTAL_BYTES: u64 = 256 * 1024 * 1024;
const SUFFIX: &str = ".attempts";
/// Ids and addresses are for the box's own user.
pub(crate) const FILE_MODE: u32 = 0o600;

/// The folder of files.
#[derive(Debug)]
pub(crate) struct Pages {
    folder: PathBuf,
    today: Option<Open>,
}

#[derive(Debug)]
struct Open {
    day: Day,
    file: File,
    bytes: u64,
}

/// What became of a record to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the file.
    Yes,
    /// The day's file is full.
    Full,
}

impl Pages {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            today: None,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends a record to the file of the day on which it is written.
    pub(crate) fn write(&mut self, record: &Record, now: UnixMillis) -> io::Result<Written> {
        let Some(line) = line::write(record) else {
            return Ok(Written::Full);
        };
        let day = Day::of(now);
        if self.today.as_ref().is_none_or(|open| open.day != day) {
            self.today = Some(begin(&self.folder, day)?);
        }
        let Some(open) = self.today.as_mut() else {
            return Ok(Written::Full);
        };
        let length = line.len() as u64;
        if open.bytes.saturating_add(length) > MAX_DAY_BYTES {
            return Ok(Written::Full);
        }
        if let Err(error) = open.file.write_all(&line) {
            // Part of the line may be there: the next one begins on its own line.
            self.today = None;
            return Err(error);
        }
        open.bytes += length;
        Ok(Written::Yes)
    }

    /// Puts what was written on the disk.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.today
            .as_ref()
            .map_or(Ok(()), |open| open.file.sync_data())
    }

    /// The files are written anew by somebody else: the next line opens its own again.
    pub(crate) fn let_go(&mut self) {
        self.today = None;
    }

    /// Deletes days that are too old, then the oldest until all are within their limit.
    pub(crate) fn prune(&self, now: UnixMillis) -> io::Result<()> {
        let today = Day::of(now);
        let oldest = Day(today.0.saturating_sub(KEPT_DAYS));
        let mut total = 0_u64;
        for (day, path) in days(&self.folder)?.into_iter().rev() {
            total = total.saturating_add(fs::metadata(&path)?.len());
            if day < oldest || (day < today && total > MAX_TOTAL_BYTES) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }
}

/// A file that ends in the middle of a line was torn by a crash: a newline ends that line, so that
/// the next is whole.
fn begin(folder: &Path, day: Day) -> io::Result<Open> {
    let path = folder.join(format!("{day}{SUFFIX}"));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(FILE_MODE)
        .open(&path)?;
    let bytes = file.metadata()?.len();
    if bytes > 0 {
        file.write_all(b"\n")?;
    }
    Ok(Open { day, file, bytes })
}

/// The days there are, oldest first. What has another name is not ours.
pub(crate) fn days(folder: &Path) -> io::Result<Vec<(Day, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let day = name.and_then(|name| Day::parse(name.strip_suffix(SUFFIX)?));
        found.extend(day.map(|day| (day, path)));
    }
    found.sort_unstable();
    Ok(found)
}

/// The records of one day, the latest of each, in the order of their beginning.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Record>> {
    let mut lines = BufReader::new(File::open(path)?).take(MAX_DAY_BYTES * 2);
    let mut latest: HashMap<String, Record> = HashMap::new();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let read = lines.read_until(b'\n', &mut buffer)?;
        if read == 0 {
            break;
        }
        if buffer.last() == Some(&b'\n') {
            buffer.pop();
        }
        if let Some(record) = line::read(&buffer) {
            latest.insert(record.id.clone(), record);
        }
    }
    let mut records: Vec<Record> = latest.into_values().collect();
    records.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use attempt::Door;

    const DAY: u64 = 86_400_000;

    fn record(id: &str, at: u64) -> Record {
        Record::new(id.to_owned(), Door::Rtc, UnixMillis(at))
    }

    fn ids(path: &Path) -> Vec<String> {
        let records = read(path).unwrap();
        records.into_iter().map(|record| record.id).collect()
    }

    #[test]
    fn a_torn_line_costs_itself_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut pages = Pages::open(folder.path()).unwrap();
        let now = UnixMillis(DAY);
        pages.write(&record("CA_1", 1), now).unwrap();
        pages.write(&record("CA_2", 2), now).unwrap();
        let path = days(folder.path()).unwrap()[0].1.clone();
        let bytes = fs::read(&path).unwrap();
        for cut in 0..bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            let mut again = Pages::open(folder.path()).unwrap();
            again.write(&record("CA_3", 3), now).unwrap();
            let found = ids(&path);
            assert_eq!(
                found.last().map(String::as_str),
                Some("CA_3"),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn the_latest_word_about_an_attempt_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut pages = Pages::open(folder.path()).unwrap();
        let mut changed = record("CA_1", 1);
        pages.write(&changed, UnixMillis(DAY)).unwrap();
        changed.repeats = 7;
        pages.write(&changed, UnixMillis(DAY)).unwrap();
        let found = read(&days(folder.path()).unwrap()[0].1).unwrap();
        assert_eq!((found.len(), found[0].repeats), (1, 7));
    }

    #[test]
    fn thirty_days_are_kept_and_the_oldest_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut pages = Pages::open(folder.path()).unwrap();
        for day in 1..=40 {
            pages
                .write(&record("CA_1", day * DAY), UnixMillis(day * DAY))
                .unwrap();
        }
        let now = UnixMillis(40 * DAY);
        pages.prune(now).unwrap();
        let left: Vec<u64> = days(folder.path())
            .unwrap()
            .iter()
            .map(|(day, _)| day.0)
            .collect();
        assert_eq!(left, (10..=40).collect::<Vec<_>>());
        // Sparse files: what counts is their length.
        for (_, path) in days(folder.path()).unwrap() {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(MAX_DAY_BYTES).unwrap();
        }
        pages.prune(now).unwrap();
        let left: Vec<u64> = days(folder.path())
            .unwrap()
            .iter()
            .map(|(day, _)| day.0)
            .collect();
        assert_eq!(left, [37, 38, 39, 40], "four of 64 MiB are 256 MiB");
        fs::write(folder.path().join("notes.txt"), "theirs").unwrap();
        pages.prune(now).unwrap();
        assert!(folder.path().join("notes.txt").exists());
    }

    #[test]
    fn a_full_day_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("{}{SUFFIX}", Day(1)));
        File::create(&path).unwrap().set_len(MAX_DAY_BYTES).unwrap();
        let mut pages = Pages::open(folder.path()).unwrap();
        assert_eq!(
            pages.write(&record("CA_1", 1), UnixMillis(DAY)).unwrap(),
            Written::Full
        );
        assert_eq!(
            pages
                .write(&record("CA_1", 1), UnixMillis(2 * DAY))
                .unwrap(),
            Written::Yes
        );
    }
}

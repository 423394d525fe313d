//! The few things the journal and the outbox ask of a disk, so that tests can put a disk under
//! them that loses power.

#[cfg(test)]
pub(crate) mod simulated;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

/// Only the box's own user may enter its folders.
const FOLDER_MODE: u32 = 0o700;

/// Only the box's own user may read its files.
const FILE_MODE: u32 = 0o600;

/// A disk. Nothing is durable before the `sync` that covers it returned.
pub(crate) trait Vfs: Send + Sync {
    /// Makes a folder and its parents; it may exist.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in a folder, unordered.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// A whole file.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;
    /// `len` bytes of a file from `offset`; fewer is an error.
    fn read_at(&self, file: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>>;
    /// A new, empty file; one of that name is emptied.
    fn create(&self, file: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// An existing file, for writing.
    fn open(&self, file: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Removes a file.
    fn remove(&self, file: &Path) -> io::Result<()>;
    /// Makes creations and removals in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes sure that `file` exists and owns `len` bytes of the disk.
    fn reserve(&self, file: &Path, len: u64) -> io::Result<()>;
}

/// An open file of a [`Vfs`].
pub(crate) trait VfsFile: Send {
    /// Writes all of `bytes` at `offset`, or fails with any part written.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts or grows the file.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
    /// Makes everything written, and the length, durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of the machine.
pub(crate) struct Disk;

impl Vfs for Disk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(dir)?
            .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        fs::read(file)
    }

    fn read_at(&self, file: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        File::open(file)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(file)?;
        Ok(Box::new(file))
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(OpenOptions::new().write(true).open(file)?))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn reserve(&self, file: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(file)?;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, len)?;
        Ok(())
    }
}

impl VfsFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

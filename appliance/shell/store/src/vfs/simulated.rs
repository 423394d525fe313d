//! A disk in memory that loses power: unsynced sectors arrive or not, each by itself, and
//! unsynced creations and removals happened or did not.

use super::{Vfs, VfsFile};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// A shared handle to one simulated disk.
#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Node>,
    /// Removed, but the removal is not synced: may come back.
    removed: BTreeMap<PathBuf, Node>,
    capacity: Option<usize>,
    fail_writes: Option<Fault>,
    fail_syncs: bool,
    syncs: u64,
}

#[derive(Clone, Default)]
struct Node {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// The name itself is durable.
    named: bool,
}

/// A write that fails after some bytes.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// Bytes written before it.
    pub(crate) after: usize,
    /// What it says.
    pub(crate) kind: io::ErrorKind,
}

impl SimulatedDisk {
    /// Limits what all files together may hold.
    pub(crate) fn set_capacity(&self, bytes: Option<usize>) {
        self.state().capacity = bytes;
    }

    /// Makes the next write fail.
    pub(crate) fn fail_next_write(&self, fault: Fault) {
        self.state().fail_writes = Some(fault);
    }

    /// Makes every sync fail.
    pub(crate) fn fail_syncs(&self, fail: bool) {
        self.state().fail_syncs = fail;
    }

    /// Syncs of files so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Bytes held by all files.
    pub(crate) fn used(&self) -> usize {
        self.state().used()
    }

    /// A file's bytes as a process sees them.
    pub(crate) fn bytes(&self, file: &Path) -> Option<Vec<u8>> {
        self.state().files.get(file).map(|node| node.now.clone())
    }

    /// Changes a file behind the store's back, durably.
    pub(crate) fn edit(&self, file: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let node = state.files.entry(file.to_path_buf()).or_default();
        edit(&mut node.now);
        node.durable = node.now.clone();
        node.named = true;
    }

    /// All files below `dir`, in order.
    pub(crate) fn paths(&self, dir: &Path) -> Vec<PathBuf> {
        self.state()
            .files
            .keys()
            .filter(|p| p.starts_with(dir))
            .cloned()
            .collect()
    }

    /// An independent copy of everything, durable or not.
    pub(crate) fn fork(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            ..State::default()
        })))
    }

    /// What is found after the power came back.
    pub(crate) fn after_power_loss(&self, rng: &mut fastrand::Rng) -> Self {
        let state = self.state();
        let mut files = BTreeMap::new();
        for (path, node) in &state.files {
            if node.named || rng.bool() {
                files.insert(path.clone(), node.after_power_loss(rng));
            }
        }
        for (path, node) in &state.removed {
            if rng.bool() {
                files
                    .entry(path.clone())
                    .or_insert_with(|| node.after_power_loss(rng));
            }
        }
        Self(Arc::new(Mutex::new(State {
            files,
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Node {
    /// Each sector is the old or the new one; the length is the old or the new one.
    fn after_power_loss(&self, rng: &mut fastrand::Rng) -> Self {
        let len = if rng.bool() {
            self.now.len()
        } else {
            self.durable.len()
        };
        let mut bytes = vec![0; len];
        for (index, sector) in bytes.chunks_mut(SECTOR).enumerate() {
            let from = if rng.bool() { &self.now } else { &self.durable };
            let tail = from.get(index * SECTOR..).unwrap_or_default();
            let n = tail.len().min(sector.len());
            sector[..n].copy_from_slice(&tail[..n]);
        }
        // What was synced and not overwritten since is the same in both, so it survives.
        Self {
            now: bytes.clone(),
            durable: bytes,
            named: true,
        }
    }
}

impl State {
    fn used(&self) -> usize {
        self.files.values().map(|node| node.now.len()).sum()
    }

    fn node(&mut self, file: &Path) -> io::Result<&mut Node> {
        self.files
            .get_mut(file)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, file: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = self.fail_writes.take();
        let mut taken = fault.map_or(bytes.len(), |f| f.after.min(bytes.len()));
        let offset = offset as usize;
        let mut error = fault.map(|f| io::Error::from(f.kind));
        if let Some(capacity) = self.capacity {
            let free = capacity.saturating_sub(self.used());
            let node = self.node(file)?;
            let overwritten = node.now.len().saturating_sub(offset);
            if taken > overwritten.saturating_add(free) {
                taken = overwritten.saturating_add(free);
                error = Some(io::ErrorKind::StorageFull.into());
            }
        }
        let node = self.node(file)?;
        if node.now.len() < offset + taken {
            node.now.resize(offset + taken, 0);
        }
        node.now[offset..offset + taken].copy_from_slice(&bytes[..taken]);
        error.map_or(Ok(()), Err)
    }
}

impl Vfs for SimulatedDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let names = state.files.keys().filter(|path| path.parent() == Some(dir));
        Ok(names
            .filter_map(|p| p.file_name()?.to_str().map(str::to_owned))
            .collect())
    }

    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        Ok(self.state().node(file)?.now.clone())
    }

    fn read_at(&self, file: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let offset = offset as usize;
        let bytes = state
            .node(file)?
            .now
            .get(offset..offset + len)
            .map(<[u8]>::to_vec);
        bytes.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn create(&self, file: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.state()
            .files
            .entry(file.to_path_buf())
            .or_default()
            .now
            .clear();
        self.open(file)
    }

    fn open(&self, file: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.state().node(file)?;
        Ok(Box::new(SimulatedFile {
            disk: self.clone(),
            path: file.to_path_buf(),
        }))
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut state = self.state();
        let node = state.files.remove(file).ok_or(io::ErrorKind::NotFound)?;
        if node.named {
            state.removed.insert(file.to_path_buf(), node);
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        for (_, node) in state
            .files
            .iter_mut()
            .filter(|(p, _)| p.parent() == Some(dir))
        {
            node.named = true;
        }
        state.removed.retain(|path, _| path.parent() != Some(dir));
        Ok(())
    }

    fn reserve(&self, file: &Path, len: u64) -> io::Result<()> {
        let mut state = self.state();
        let used = state.used();
        if state
            .capacity
            .is_some_and(|capacity| used + len as usize > capacity)
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state
            .files
            .entry(file.to_path_buf())
            .or_default()
            .now
            .resize(len as usize, 0);
        Ok(())
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl VfsFile for SimulatedFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.state().write(&self.path, offset, bytes)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.disk
            .state()
            .node(&self.path)?
            .now
            .resize(len as usize, 0);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.syncs += 1;
        if state.fail_syncs {
            return Err(io::ErrorKind::Other.into());
        }
        let node = state.node(&self.path)?;
        node.durable = node.now.clone();
        Ok(())
    }
}

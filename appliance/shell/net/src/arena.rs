//! The send arena: chunks of bytes that trains grow in, allocated once.

/// Bytes per chunk: 13 datagrams of a video frame. An odd number of cache lines, so that the
/// first lines of many chunks do not fall into the same cache sets.
pub(crate) const CHUNK_BYTES: usize = 257 * 64;

/// Chunks per reactor (8.4 MB): one per destination written to between two flushes. With more
/// destinations than that the reactor flushes in between.
pub(crate) const CHUNKS: usize = 512;

/// No chunk.
pub(crate) const NO_CHUNK: u16 = u16::MAX;

/// A piece of one chunk.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) chunk: u16,
    pub(crate) start: u16,
    pub(crate) len: u16,
}

impl Span {
    /// The span's place in the whole arena.
    pub(crate) fn offset(self) -> usize {
        usize::from(self.chunk) * CHUNK_BYTES + usize::from(self.start)
    }
}

/// Chunks with a count of those who still need their bytes.
pub(crate) struct Arena {
    bytes: Box<[u8]>,
    users: Box<[u16]>,
    /// Last freed first: its lines are still in the cache.
    free: Vec<u16>,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; CHUNKS * CHUNK_BYTES].into_boxed_slice(),
            users: vec![0; CHUNKS].into_boxed_slice(),
            free: (0..CHUNKS as u16).rev().collect(),
        }
    }

    /// An empty chunk with one user.
    pub(crate) fn claim(&mut self) -> Option<u16> {
        let chunk = self.free.pop()?;
        self.users[usize::from(chunk)] = 1;
        Some(chunk)
    }

    /// One more user.
    pub(crate) fn share(&mut self, chunk: u16) {
        self.users[usize::from(chunk)] += 1;
    }

    /// One user less; without users the chunk is free.
    pub(crate) fn release(&mut self, chunk: u16) {
        let users = &mut self.users[usize::from(chunk)];
        *users -= 1;
        if *users == 0 {
            self.free.push(chunk);
        }
    }

    pub(crate) fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.offset()..][..usize::from(span.len)]
    }

    pub(crate) fn slice_mut(&mut self, span: Span) -> &mut [u8] {
        &mut self.bytes[span.offset()..][..usize::from(span.len)]
    }

    #[cfg(test)]
    pub(crate) fn free_chunks(&self) -> usize {
        self.free.len()
    }
}

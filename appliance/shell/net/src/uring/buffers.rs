//! Receive buffers that the kernel picks from: a ring of them, shared by all sockets.

use super::ring::{DisabledRing, refusal};
use crate::reactor::UringRefusal;
use crate::socket::address::NAME_BYTES;
use crate::socket::control::CONTROL_BYTES;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The only buffer group of a ring.
pub(super) const GROUP: u16 = 0;

/// `io_uring_recvmsg_out`: four 32-bit lengths in front of name, control messages and payload.
const OUT_HEADER_BYTES: usize = 16;

/// The largest payload that one delivery can have: a coalesced train of 65,535 bytes.
const PAYLOAD_BYTES: usize = 65_536;

/// Bytes between two buffers, an odd number of cache lines so that the beginnings of many buffers
/// do not share cache sets. Untouched pages cost nothing.
const STRIDE: usize =
    (OUT_HEADER_BYTES + NAME_BYTES + CONTROL_BYTES + PAYLOAD_BYTES).next_multiple_of(128) + 64;

/// The ring of buffer descriptors must begin on a page.
const PAGE: usize = 4_096;

/// Memory that the kernel writes to.
pub(super) struct Buffers {
    /// `count` descriptors, shared with the kernel.
    entries: NonNull<BufRingEntry>,
    entries_layout: Layout,
    bytes: Box<[u8]>,
    count: u16,
    /// Descriptors handed over so far, wrapping; published to the kernel by [`Self::publish`].
    tail: u16,
}

impl Buffers {
    /// Allocates and registers `count` buffers (a power of two).
    pub(super) fn register(ring: &DisabledRing, count: u16) -> Result<Self, UringRefusal> {
        let size = usize::from(count) * size_of::<BufRingEntry>();
        let layout = Layout::from_size_align(size, PAGE).map_err(|_| UringRefusal::Memory)?;
        // SAFETY: the layout has a non-zero size, as `count` is at least 2. Needed because no safe
        // container aligns to a page.
        let memory = unsafe { alloc_zeroed(layout) };
        #[expect(clippy::cast_ptr_alignment, reason = "the layout is aligned to a page")]
        let Some(entries) = NonNull::new(memory.cast::<BufRingEntry>()) else {
            handle_alloc_error(layout)
        };
        let mut buffers = Self {
            entries,
            entries_layout: layout,
            bytes: vec![0; usize::from(count) * STRIDE].into_boxed_slice(),
            count,
            tail: 0,
        };
        // SAFETY: the memory holds `count` descriptors and is freed by `Drop` only, after the ring:
        // `UringReactor` declares its ring first. Needed because the kernel keeps the address.
        let registered = unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(entries.as_ptr() as u64, count, GROUP, 0)
        };
        registered.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidInput => {
                UringRefusal::Lacks("provided buffer rings (Linux 5.19)")
            }
            _ => refusal(error),
        })?;
        for id in 0..count {
            buffers.give(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// What the kernel wrote to a buffer: the first `len` bytes.
    pub(super) fn get(&self, id: u16, len: usize) -> &[u8] {
        let start = usize::from(id) * STRIDE;
        self.bytes
            .get(start..start + len.min(STRIDE))
            .unwrap_or_default()
    }

    /// Hands a buffer back; the kernel sees it after [`Self::publish`].
    pub(super) fn give(&mut self, id: u16) {
        if id >= self.count {
            return;
        }
        let address = self.bytes[usize::from(id) * STRIDE..].as_mut_ptr();
        let slot = usize::from(self.tail & (self.count - 1));
        // SAFETY: `slot` is below `count`, so that it is inside the allocation.
        let mut entry = unsafe { self.entries.add(slot) };
        // SAFETY: the kernel reads a descriptor only after `publish` moved the tail beyond it, and
        // this one is not handed over yet: for now it is ours alone. Needed because the memory is
        // shared with the kernel, which no owned container can express.
        let entry = unsafe { entry.as_mut() };
        entry.set_addr(address as u64);
        entry.set_len((STRIDE - 64) as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel see the buffers given back.
    pub(super) fn publish(&mut self) {
        // SAFETY: the pointer is that of the registered ring.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: the tail lies inside the allocation, is aligned, and the kernel only reads it;
        // nobody accesses it other than atomically while the ring is registered. Needed because
        // the kernel must see the descriptors before it sees the tail.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: allocated in `register` with this layout, and the ring that knew the address is
        // closed. Needed as the counterpart of `alloc_zeroed`.
        unsafe { dealloc(self.entries.as_ptr().cast(), self.entries_layout) };
    }
}

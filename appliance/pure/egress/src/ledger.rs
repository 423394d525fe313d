//! What was used under the present keys by SSRCs that no stream has any more.

/// Most SSRCs of one client, those of streams included. A meeting of fifty uses a few hundred in
/// its life; at the limit new streams stay silent and are counted.
pub(crate) const MAX_SSRCS: usize = 16_384;

/// The highest indices used by an SSRC; 0: none, first indices are 1 and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) ssrc: u32,
    pub(crate) rtp: u64,
    pub(crate) rtcp: u32,
}

/// Tombstones, by SSRC.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    marks: Vec<Mark>,
}

impl Ledger {
    /// The SSRC has lost its stream.
    pub(crate) fn put(&mut self, mark: Mark) {
        match self.marks.binary_search_by_key(&mark.ssrc, |m| m.ssrc) {
            // Two marks would be two owners; whatever happened, the higher indices hold.
            Ok(place) => {
                if let Some(known) = self.marks.get_mut(place) {
                    known.rtp = known.rtp.max(mark.rtp);
                    known.rtcp = known.rtcp.max(mark.rtcp);
                }
            }
            Err(place) => self.marks.insert(place, mark),
        }
    }

    /// The SSRC gets a stream (again).
    pub(crate) fn take(&mut self, ssrc: u32) -> Mark {
        match self.marks.binary_search_by_key(&ssrc, |m| m.ssrc) {
            Ok(place) => self.marks.remove(place),
            Err(_) => Mark {
                ssrc,
                rtp: 0,
                rtcp: 0,
            },
        }
    }

    pub(crate) fn knows(&self, ssrc: u32) -> bool {
        self.marks.binary_search_by_key(&ssrc, |m| m.ssrc).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// New keys: every index is unused. The SSRCs stay ours.
    pub(crate) fn reset(&mut self) {
        for mark in &mut self.marks {
            mark.rtp = 0;
            mark.rtcp = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_mark_holds() {
        let mut ledger = Ledger::default();
        let mark = |rtp, rtcp| Mark { ssrc: 7, rtp, rtcp };
        ledger.put(mark(5, 9));
        ledger.put(mark(8, 2));
        assert!(ledger.knows(7));
        assert_eq!(ledger.take(7), mark(8, 9));
        assert!(!ledger.knows(7));
        assert_eq!(ledger.take(7), mark(0, 0));
    }
}

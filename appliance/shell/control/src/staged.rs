//! What a batch caused, held back until its events are on disk.

use crate::lane::Outbound;
use media::MediaCommand;
use vocab::SessionKey;

/// The end of a call: told whether what it did is on disk, it answers the caller.
pub(crate) type Release = Box<dyn FnOnce(Saved) + Send>;

/// Whether a call's events are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saved {
    /// They are, or there were none.
    Yes,
    /// They are not.
    No,
}

/// A reply that waits for the commit.
pub(crate) struct Reply {
    pub(crate) release: Release,
    /// Whether the call appended events: only then does a failed commit concern it.
    pub(crate) wrote: bool,
}

/// Everything one batch causes outside the thread.
#[derive(Default)]
pub(crate) struct Staged {
    pub(crate) replies: Vec<Reply>,
    pub(crate) messages: Vec<(SessionKey, Outbound)>,
    pub(crate) media: Vec<MediaCommand>,
}

//! Walking several ordered lists of sequences at once and keeping what is in all of them.
//!
//! Each list can be asked for its next sequence from a place on, so the walk leaps: it costs steps
//! in the shortest list, not in the longest.

use super::key::{Prefix, sequence};
use crate::error::ReadError;
use crate::query::{MAX_PAGE, Page};

/// Steps one page may take before it is cut short (`Page::next` then continues). A step is some
/// microseconds: a page stays under a tenth of a second whatever is asked.
/// Tests take few, so that their small indexes have cut pages too.
const MAX_STEPS: usize = if cfg!(test) { 64 } else { 20_000 };

/// An ordered list of sequences.
pub(crate) trait Seek {
    /// The first sequence at or beyond `at`.
    fn seek(&mut self, at: u64, newest_first: bool) -> Result<Option<u64>, ReadError>;
}

/// The union of the keys under some prefixes.
pub(crate) struct Rows<'a> {
    pub(crate) tree: &'a sled::Tree,
    pub(crate) prefixes: Vec<Prefix>,
}

/// Every sequence up to the last.
pub(crate) struct Every {
    pub(crate) last: u64,
}

impl Seek for Every {
    fn seek(&mut self, at: u64, newest_first: bool) -> Result<Option<u64>, ReadError> {
        Ok(if newest_first {
            Some(at.min(self.last)).filter(|at| *at > 0)
        } else {
            Some(at.max(1)).filter(|at| *at <= self.last)
        })
    }
}

/// What to do with a sequence that is in every list.
pub(crate) enum Verdict<T> {
    /// It belongs on the page.
    Take(T),
    /// It does not.
    Skip,
    /// Neither does any other on the way to this one.
    SkipTo(u64),
}

/// Where a page begins, how long it is and which way it goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) after: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) newest_first: bool,
}

impl Window {
    /// The items on one page.
    fn limit(self) -> usize {
        if self.limit == 0 {
            MAX_PAGE
        } else {
            self.limit.min(MAX_PAGE)
        }
    }

    /// Where to begin; `None` if nothing can lie there.
    fn start(self) -> Option<u64> {
        match self.after {
            Some(after) => self.beyond(after),
            None if self.newest_first => Some(u64::MAX),
            None => Some(0),
        }
    }

    /// The next place after `at`.
    fn beyond(self, at: u64) -> Option<u64> {
        if self.newest_first {
            at.checked_sub(1)
        } else {
            at.checked_add(1)
        }
    }

    /// The `after` with which the next page begins at `at`.
    fn resume_at(self, at: u64) -> Option<u64> {
        if self.newest_first {
            at.checked_add(1)
        } else {
            at.checked_sub(1)
        }
    }

    /// The farther of two places.
    fn farther(self, a: u64, b: u64) -> u64 {
        if self.newest_first {
            a.min(b)
        } else {
            a.max(b)
        }
    }
}

/// One page of what is in all `sources` and taken by `judge`.
pub(crate) fn page<T>(
    mut sources: Vec<Box<dyn Seek + '_>>,
    window: Window,
    mut judge: impl FnMut(u64) -> Result<Verdict<T>, ReadError>,
) -> Result<Page<T>, ReadError> {
    let mut items = Vec::new();
    let mut steps = MAX_STEPS;
    let mut place = window.start();
    while let Some(from) = place {
        let found = match meet(&mut sources, from, window, &mut steps)? {
            Meeting::Never => break,
            Meeting::NotYet(at) => {
                return Ok(Page {
                    items,
                    next: window.resume_at(at),
                });
            }
            Meeting::At(found) => found,
        };
        if items.len() == window.limit() {
            return Ok(Page {
                items,
                next: window.resume_at(found),
            });
        }
        place = match judge(found)? {
            Verdict::Take(item) => {
                items.push(item);
                window.beyond(found)
            }
            Verdict::Skip => window.beyond(found),
            Verdict::SkipTo(to) => window.beyond(found).map(|next| window.farther(next, to)),
        };
    }
    Ok(Page { items, next: None })
}

enum Meeting {
    /// The first sequence in all lists.
    At(u64),
    /// The steps are used up; nothing lies before this place.
    NotYet(u64),
    /// One list is at its end.
    Never,
}

/// Leaps from list to list until all agree on a sequence at or after `at`.
fn meet(
    sources: &mut [Box<dyn Seek + '_>],
    mut at: u64,
    window: Window,
    steps: &mut usize,
) -> Result<Meeting, ReadError> {
    let mut agreed = 0;
    let count = sources.len();
    for turn in 0.. {
        let Some(source) = sources.get_mut(turn % count.max(1)) else {
            break;
        };
        if *steps == 0 {
            return Ok(Meeting::NotYet(at));
        }
        *steps -= 1;
        let Some(found) = source.seek(at, window.newest_first)? else {
            return Ok(Meeting::Never);
        };
        agreed = if found == at { agreed + 1 } else { 1 };
        at = found;
        if agreed == count {
            return Ok(Meeting::At(at));
        }
    }
    Ok(Meeting::Never)
}

impl Seek for Rows<'_> {
    fn seek(&mut self, at: u64, newest_first: bool) -> Result<Option<u64>, ReadError> {
        let tree = self.tree;
        let mut nearest = None;
        for prefix in &self.prefixes {
            let key = if newest_first {
                tree.range(prefix.at(0)..=prefix.at(at)).keys().next_back()
            } else {
                tree.range(prefix.at(at)..=prefix.at(u64::MAX))
                    .keys()
                    .next()
            };
            let Some(found) = key.transpose()?.as_deref().and_then(sequence) else {
                continue;
            };
            nearest = Some(match nearest {
                None => found,
                Some(other) if newest_first => found.max(other),
                Some(other) => found.min(other),
            });
        }
        Ok(nearest)
    }
}

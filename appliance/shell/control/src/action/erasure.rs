//! Erasing what is kept of a session, while the box goes on: files are written anew on a thread of
//! their own, and the outcome is written down and told when that is done.

use super::queue::Done;
use crate::control::Control;
use crate::staged::Saved;
use crossbeam_channel::{Receiver, Sender, unbounded};
use logbook::Purge;
use std::io;

/// An erasure that has come to its end.
pub(crate) struct Erased {
    done: Done,
    /// How many attempts.
    count: io::Result<usize>,
    saved: Saved,
}

/// The way back from those threads. Each stands for an action, which are paced.
pub(crate) struct Erasures {
    ended: Sender<Erased>,
    /// What wakes the control thread.
    pub(crate) waiting: Receiver<Erased>,
}

impl Default for Erasures {
    fn default() -> Self {
        let (ended, waiting) = unbounded();
        Self { ended, waiting }
    }
}

impl Control {
    /// Begins. The order is on disk: a box that ends meanwhile does it at its next start.
    pub(super) fn erase(&mut self, purge: Purge, done: Done, saved: Saved) {
        let logbook = self.config.logbook.clone();
        let ended = self.actions.erasures.ended.clone();
        let erasing = move || {
            let count = logbook.erase(&purge);
            // A box that has stopped hears nothing more.
            let _ = ended.send(Erased { done, count, saved });
        };
        let thread = std::thread::Builder::new().name("erase".to_owned());
        if let Err(error) = thread.spawn(erasing) {
            tracing::error!(%error, "no thread to erase with; the next start does it");
        }
    }

    /// Says what it came to.
    pub(crate) fn finish_erasure(&mut self, erased: Erased) {
        let Erased {
            mut done,
            count,
            saved,
        } = erased;
        let (outcome, detail) = done.effect.erased(&count).after(saved);
        done.effect = super::effect::Effect::new(outcome, detail);
        self.actions.done.push(done);
    }
}

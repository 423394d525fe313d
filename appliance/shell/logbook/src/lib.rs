//! Attempts to connect: in memory while they matter, on disk for 30 days.
//!
//! Whoever sees a fact notes it ([`Logbook::note`]); a thread of the logbook's own judges once a
//! second what is undecided and writes what has changed its meaning. Nobody waits for the disk,
//! and a disk that refuses costs history, never a call ([ADR
//! 11](../../../docs/adr/0011-attempts-have-files-of-their-own.md)).

mod clock;
mod day;
mod issuers;
mod line;
mod logbook;
mod pages;
mod purge;
mod question;
mod shelf;

pub use logbook::{AttemptKey, Logbook, OpenLogbookError, Origin};
pub use pages::KEPT_DAYS;
pub use purge::Purge;
pub use question::{Blocked, MAX_ANSWERS, Question, Told, Wanted};

//! Technical alarms after ISA-18.2: never a patient's.
//!
//! An alarm needs somebody to act; what needs nobody is an event and not here. [`Code`] is the
//! table of all there are, each with its consequence, what to do, and the time for it. [`Board`] is
//! where each stands. It knows no clock, file or thread: whoever watches tells it what is so, and
//! asks it what became of it.

mod board;
mod code;
mod moment;
mod score;

pub use board::{
    Alarm, AlarmId, Board, Cause, ChangeAlarmError, Changed, Kept, KeptState, MAX_ALARMS,
    MAX_SHELF, Output, RECALL, SILENCE, State,
};
pub use code::{Code, Definition, Priority};
pub use moment::Moment;
pub use score::{CHATTER_RAISES, FLOOD, STALE_AFTER, Score};

//! Watches the box: its transports, its machine, its alarms.

mod board;
mod clock;

pub use alarm::{ChangeAlarmError, Changed, Code, Priority};
pub use board::{AlarmBoard, News};
pub use clock::now;

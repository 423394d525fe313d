//! Watches the box: its transports, its machine, its alarms.
//!
//! [`Transports`] is what the workers say, [`Machine`] what the kernel says, [`judge`] what of it is
//! an alarm, and [`AlarmBoard`] where each alarm stands. Who looks once a second, and who is told,
//! is `api`'s affair.

mod board;
mod clock;
mod ledger;
mod machine;
mod rules;
mod transports;

pub use alarm::{ChangeAlarmError, Changed, Code, Moment, Priority};
pub use board::{AlarmBoard, News};
pub use clock::now;
pub use ledger::{Entry, Ledger};
pub use machine::{
    DISK_DAYS_LOW, DISK_PERMILLE_LOW, Machine, MachineReading, OFFSET_MAX, STEP, Steps, TimeService,
};
pub use media::{Carrier, WorkerFigures};
pub use rules::{BUSY_PERCENT, DESCRIPTORS_PERCENT, DROPS_LATELY, LOSS_PERMILLE, Observed, judge};
pub use transports::{
    ClientOf, FLOWING, Reading, Transports, WORKER_SILENCE, WorkerReading, subnet,
};

//! Use-cases on one thread: authorise, load, decide, save, act.
//!
//! The thread owns every room's state machine and the store. It works in batches: run what is
//! waiting, put the batch's events on disk with one sync, then release replies, signalling
//! messages and media commands, in that order of cause. An answer is therefore a promise that
//! what it says is on disk.

mod attempts;
mod boundary;
mod clock;
mod commits;
mod config;
mod control;
mod ended;
mod handle;
mod lane;
mod run;
mod staged;
mod stop;

pub mod action;
pub mod event;
pub mod exchange;
pub mod live;
pub mod note;
pub mod participant;
pub mod reset;
pub mod room;
pub mod rpc;
pub mod session;
pub mod status;

pub use config::{ControlConfig, MAX_ROOMS};
pub use control::Control;
pub use handle::{CallError, ControlHandle};
pub use lane::{Cut, MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES, Outbound};
pub use run::{StartControlError, start};

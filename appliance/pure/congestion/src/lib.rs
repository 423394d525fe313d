//! How much a path takes: transport-wide feedback, Google congestion control, probing.
//!
//! One [`Controller`] per client. It is told what was sent and what the client says arrived,
//! and answers how much may be sent. It owns no clock, socket or packet.
//!
//! Sources: draft-ietf-rmcat-gcc-02; draft-holmer-rmcat-transport-wide-cc-extensions-01;
//! libwebrtc's public description of its trendline estimator and probe controller.

mod aimd;
mod clock;
pub mod controller;
mod delay;
pub mod feedback;
mod history;
mod loss;
mod meter;
mod probe;

pub use controller::{Acknowledged, Content, Controller, Probe, Sent};
pub use feedback::{Feedback, FeedbackRefusal};

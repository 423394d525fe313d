//! SDP as text: reading what clients send, editing what str0m writes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod edit;
mod fixtures;
mod plans;
mod read;

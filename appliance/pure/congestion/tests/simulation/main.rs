//! Congestion control against a simulated path, in simulated time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod claims;
mod link;
mod receiver;
mod sender;
mod sim;

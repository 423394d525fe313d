//! A room driven from outside: commands and packets in, packets and events out.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod forwarding;
mod layers;
mod limits;
mod messages;
mod pair;
mod parts;
mod permissions;
mod random;
mod stage;
mod voices;

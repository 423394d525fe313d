//! Scripted clients against a room, with a media plane that answers as str0m's text does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod admin;
mod bench;
mod data_tracks;
mod exchange;
mod facts;
mod fixtures;
mod invariants;
mod join;
mod leave;
mod publish;
mod resume;
mod rpc;
mod sdp;
mod sids;
mod single;
mod subscribe;

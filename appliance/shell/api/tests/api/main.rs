//! The API against a real control thread and a real store; only the media plane is a recorder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

extern crate ringward_api as api;

mod accounts;
mod admin;
mod authz_coverage;
mod cors;
mod harness;
mod listen;
mod live;
mod page;
mod rest;
mod rtc;
mod tls;
mod twirp;
mod whip;
mod why;

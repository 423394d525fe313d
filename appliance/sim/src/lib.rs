//! Development only: the real media plane and real peers against model clients, in virtual time.
//!
//! One thread holds everything: [`Sim`] is a box (rooms and peers as a worker drives them), any
//! number of clients (str0m, with model encoders and decoders) and a network that loses, delays,
//! reorders and duplicates by the seed. The [`ledger`] watches every packet the box sends; a
//! broken invariant stops the run and names the seed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "development only: a simulation that breaks must stop where it broke"
)]

pub mod client;
pub mod ledger;
pub mod network;
pub mod picture;
pub mod scenario;
pub mod server;
pub mod sim;
pub mod trace;
pub mod view;
pub mod wire;

pub use client::publisher::Encoding;
pub use client::viewer::Shown;
pub use network::link::LinkSpec;
pub use sim::Sim;

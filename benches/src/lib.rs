//! A load generator for media servers.
//!
//! It joins as real clients do (signalling over WebSocket, ICE, DTLS, SRTP), publishes synthetic
//! or recorded media, and measures at the subscribers: what arrived, how late, and what it cost
//! the server. Reading order: [`run`], [`driver`], [`client`], [`lean`], [`report`].

pub mod client;
pub mod driver;
pub mod feedback;
pub mod header;
pub mod histogram;
pub mod janus_client;
pub mod keying;
pub mod lean;
pub mod machine;
pub mod metrics;
pub mod options;
pub mod process;
pub mod publisher;
pub mod report;
pub mod run;
pub mod signal_client;
pub mod srtp;
pub mod stage;
pub mod stamp;
pub mod stream;
pub mod subscriber;
pub mod token;
pub mod trace;
pub mod track;
pub mod transport;

//! A load generator for servers that speak `LiveKit`'s protocol.
//!
//! It joins as real clients do (signalling over WebSocket, ICE, DTLS, SRTP), publishes synthetic
//! VP8, and measures at the subscribers: what arrived, how late, and what it cost the server.
//! Reading order: [`client`], [`driver`], [`report`].

pub mod client;
pub mod driver;
pub mod histogram;
pub mod options;
pub mod process;
pub mod publisher;
pub mod report;
pub mod run;
pub mod signal_client;
pub mod stage;
pub mod stamp;
pub mod subscriber;
pub mod token;
pub mod transport;

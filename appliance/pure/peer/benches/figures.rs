//! What it costs a worker, once a second, to say how its transports do.
//!
//! `cargo bench -p ringward-peer --bench figures`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement"
)]

use media::plane::{PeerRole, PeerSpec};
use ringward_peer::{Certificate, EgressKind, Peer, PeerConfig};
use std::time::Instant;
use vocab::{ParticipantKey, PeerKey};

const PEERS: u64 = 500;
const READS: u32 = 200;

fn main() {
    let now = Instant::now();
    let certificate = Certificate::generate().unwrap();
    let mut peers: Vec<Peer> = (0..PEERS)
        .map(|key| {
            let config = PeerConfig {
                spec: PeerSpec {
                    key: PeerKey(key),
                    participant: ParticipantKey(key),
                    role: PeerRole::Single,
                    ice_lite: true,
                    negotiated_channels: false,
                },
                candidates: vec!["127.0.0.1:7882".parse().unwrap()],
                certificate: certificate.clone(),
                egress: EgressKind::Own,
                seed: key,
                epoch: now,
            };
            Peer::new(&config, now)
        })
        .collect();
    let began = Instant::now();
    let mut bytes = 0;
    for _ in 0..READS {
        for peer in &mut peers {
            bytes += peer.read_figures().bytes_in;
        }
    }
    let each = began.elapsed() / (READS * u32::try_from(PEERS).unwrap());
    println!(
        "{each:?} per transport and second ({:.4} % of a core for 3,000 transports; {bytes} bytes)",
        each.as_secs_f64() * 3_000.0 * 100.0
    );
}

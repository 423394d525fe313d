//! What it costs to look at a thousand rooms once a second, with sixteen consoles.
//!
//! `cargo bench -p ringward-api --bench watch`. Prints processor time, of the whole process, per
//! look: the box's share of a core is that over a second.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "a measurement"
)]

extern crate ringward_api as api;

#[path = "../tests/api/harness.rs"]
mod harness;
#[path = "../tests/api/live.rs"]
mod live;
#[path = "../tests/api/whip.rs"]
mod whip;

use futures_util::StreamExt;
use live::watched;
use media::{Figures, MediaEvent};
use std::time::{Duration, Instant};

const ROOMS: usize = 1_000;
const PEOPLE: usize = 3;
const LOOKS: u32 = 30;
const CONSOLES: usize = 16;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let mut watched = watched();
    let mut peers = Vec::new();
    for room in 0..ROOMS {
        for person in 0..PEOPLE {
            let opened = watched
                .publish(&format!("ward-{room}"), &format!("p-{person}"))
                .await;
            let (room, peer) = opened;
            watched
                .a_box
                .media
                .events
                .send(MediaEvent::PeerConnected { room, peer })
                .unwrap();
            peers.push(opened);
            watched.a_box.media.commands.lock().unwrap().clear();
        }
    }
    for consoles in [0, CONSOLES] {
        let mut readers = Vec::new();
        watched.watch.look().await;
        for _ in 0..consoles {
            let mut console = watched.stream("/admin/stream").await.body;
            readers.push(tokio::spawn(async move {
                let mut bytes = 0;
                while let Some(Ok(piece)) = console.next().await {
                    bytes += piece.len();
                }
                bytes
            }));
        }
        let (began, clock) = (cpu(), Instant::now());
        for look in 0..LOOKS {
            let told: Vec<_> = peers
                .iter()
                .enumerate()
                .map(|(place, (room, peer))| (*room, *peer, figures(place as u64, u64::from(look))))
                .collect();
            watched.figures(&told);
            watched.watch.look().await;
            // Consoles read before the next second.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (spent, passed) = (cpu().saturating_sub(began), clock.elapsed());
        println!(
            "{ROOMS} rooms of {PEOPLE}, every transport different every second, {consoles} consoles: \
             {:.2} ms of processor time per look ({:.2} % of a core at one look per second; {LOOKS} looks in {passed:.1?})",
            spent.as_secs_f64() * 1_000.0 / f64::from(LOOKS),
            spent.as_secs_f64() * 100.0 / f64::from(LOOKS),
        );
        for reader in readers {
            reader.abort();
        }
    }
}

/// Everything that may differ does.
fn figures(place: u64, look: u64) -> Figures {
    Figures {
        remote: Some("10.30.0.7:4000".parse().unwrap()),
        bytes_in: (look + 1) * 200_000,
        bytes_out: (look + 1) * 100_000,
        media_in: look + 1,
        media_out: look + 1,
        lost_in: Some(((place + look) % 30) as u16),
        round_trip: Some(Duration::from_millis(10 + (place + look) % 20)),
        heard: Some(Instant::now()),
        ..Figures::default()
    }
}

/// Processor time of this process so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|f| f.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

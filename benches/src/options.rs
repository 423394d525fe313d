//! What a run is asked to do.

use crate::publisher::MIN_PACKET_BYTES;
use clap::{Parser, ValueEnum};
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Joins publishers and subscribers to a media server and measures what arrives.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "ringward-load", version)]
pub struct Options {
    /// The server's WebSocket URL (`ws://`; TLS is left to the network in front of it).
    #[arg(long, default_value = "ws://127.0.0.1:7880")]
    pub url: String,
    /// What the server speaks.
    #[arg(long, value_enum, default_value_t = Protocol::Livekit)]
    pub protocol: Protocol,
    /// What the report calls the server.
    #[arg(long, default_value = "server")]
    pub server: String,
    /// What the report calls this load.
    #[arg(long, default_value = "")]
    pub scenario: String,
    /// API key.
    #[arg(long, default_value = "devkey")]
    pub key: String,
    /// Its secret; never written to a report.
    #[arg(long, default_value = "secret")]
    #[serde(skip)]
    pub secret: String,
    /// The room; a fresh one by default.
    #[arg(long, default_value_t = fresh_room())]
    pub room: String,
    /// That many rooms of the same shape.
    #[arg(long, default_value_t = 1)]
    pub rooms: u32,
    /// Participants of a room that publish.
    #[arg(long, default_value_t = 1)]
    pub publishers: u32,
    /// Participants of a room that only subscribe, to everything.
    #[arg(long, default_value_t = 50)]
    pub subscribers: u32,
    /// What each publisher publishes.
    #[arg(long, value_enum, default_value_t = Media::Video)]
    pub media: Media,
    /// Video in three layers: q, h and f with a tenth, three tenths and all of a frame's packets.
    #[arg(long)]
    pub simulcast: bool,
    /// Everybody asks for the smallest layer of all but the first publisher.
    #[arg(long, requires = "simulcast")]
    pub thumbnails: bool,
    /// Publishers send what a real one sent: its timing and sizes (a CSV file of `traces/`).
    #[arg(long, value_name = "FILE", conflicts_with = "simulcast")]
    pub trace: Option<PathBuf>,
    /// Publishers subscribe to each other too.
    #[arg(long)]
    pub mesh: bool,
    /// The trace's publishers sit behind an uplink of that many Mbit/s (0: none).
    #[arg(long, default_value_t = 0, requires = "trace")]
    pub uplink: u32,
    /// Packets per second of each publisher.
    #[arg(long, default_value_t = 300)]
    pub rate: u32,
    /// Packets per frame, sent at once: 10 is a frame of 720p video, 1 spaces packets evenly.
    #[arg(long, default_value_t = 10)]
    pub burst: u32,
    /// Bytes per packet on the wire above UDP: RTP header, extension, payload and tag.
    #[arg(long, default_value_t = 1_200)]
    pub bytes: usize,
    /// The same for audio, 50 packets per second.
    #[arg(long, default_value_t = 200)]
    pub audio_bytes: usize,
    /// Clients that join at the same time.
    #[arg(long, default_value_t = 16)]
    pub joining: usize,
    /// Milliseconds between the beginnings of two subscribers' joins (0: as soon as `--joining`
    /// lets them).
    #[arg(long, default_value_t = 0)]
    pub apart: u64,
    /// One subscriber in so many is str0m throughout; the others read headers and open a sample.
    /// 1: all, 0: none.
    #[arg(long, default_value_t = 16)]
    pub full_every: u32,
    /// Length of the measurement.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// How long joining and the first packets may take.
    #[arg(long, default_value_t = 30)]
    pub patience: u64,
    /// Seconds of full flow before the measurement begins.
    #[arg(long, default_value_t = 2)]
    pub settle: u64,
    /// The server's process, for its CPU time and memory.
    #[arg(long)]
    pub pid: Option<u32>,
    /// The server's metrics, read before and after (`http://ADDR:PORT/metrics`).
    #[arg(long, value_name = "URL")]
    pub metrics: Option<String>,
    /// Writes the report there as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Media threads of the generator.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Never sleep once all have joined: the server then does not pay for waking the generator.
    #[arg(long)]
    pub spin: bool,
    /// The local address of all clients.
    #[arg(long, default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// The generator's own network backend.
    #[arg(long, value_enum, default_value_t = NetChoice::Auto)]
    pub net: NetChoice,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// `LiveKit`'s signalling.
    Livekit,
    /// Janus' video room over its WebSocket.
    Janus,
}

/// What a publisher publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Media {
    /// One video track.
    Video,
    /// One audio track.
    Audio,
    /// One of each.
    Both,
}

/// [`net::BackendChoice`] as a word.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetChoice {
    /// `io_uring` where it is to be had.
    Auto,
    /// `io_uring`.
    Uring,
    /// epoll.
    Portable,
}

impl From<NetChoice> for net::BackendChoice {
    fn from(choice: NetChoice) -> Self {
        match choice {
            NetChoice::Auto => Self::Auto,
            NetChoice::Uring => Self::Uring,
            NetChoice::Portable => Self::Portable,
        }
    }
}

/// One simulated client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Participant {
    /// Its number, also its publisher's number in stamps.
    pub number: u32,
    /// Its room's number.
    pub room: u32,
    /// The first publisher of its room.
    pub speaks: bool,
    /// Receives without str0m.
    pub lean: bool,
    /// Sends a track.
    pub publishes: bool,
    /// Receives all tracks but its own.
    pub subscribes: bool,
}

impl Options {
    /// The first option that cannot be acted on.
    ///
    /// # Errors
    /// One sentence with the remedy.
    pub fn check(&self) -> Result<(), String> {
        if self.publishers == 0 {
            return Err("--publishers 0: nothing would be sent; name at least 1".into());
        }
        if self.rate == 0 || self.burst == 0 || self.burst > self.rate {
            return Err(format!(
                "--rate {} --burst {}: both at least 1, and at least one frame per second",
                self.rate, self.burst
            ));
        }
        let small = self.bytes.min(self.audio_bytes);
        let longest = net::MAX_DATAGRAM_BYTES.min(1_400);
        if !(MIN_PACKET_BYTES..=longest).contains(&self.bytes.max(self.audio_bytes))
            || small < MIN_PACKET_BYTES
        {
            return Err(format!(
                "--bytes {} --audio-bytes {}: from {MIN_PACKET_BYTES} to {longest}",
                self.bytes, self.audio_bytes
            ));
        }
        if !self.url.starts_with("ws://") {
            return Err(format!("--url {}: only ws:// is spoken", self.url));
        }
        if self.threads == 0 || self.seconds == 0 || self.rooms == 0 || self.joining == 0 {
            return Err("--threads, --seconds, --rooms and --joining: at least 1".into());
        }
        if self.protocol == Protocol::Janus
            && (self.simulcast || self.mesh || self.media != Media::Video)
        {
            return Err("--protocol janus: no --mesh, no --simulcast, only --media video".into());
        }
        Ok(())
    }

    /// All clients, room by room: publishers first.
    pub fn participants(&self) -> Vec<Participant> {
        let size = self.publishers + self.subscribers;
        (0..self.rooms * size)
            .map(|number| {
                let (room, place) = (number / size, number % size);
                let publishes = place < self.publishers;
                Participant {
                    number,
                    room,
                    speaks: place == 0,
                    lean: self.full_every == 0
                        || number % self.full_every != self.publishers % self.full_every,
                    publishes,
                    subscribes: !publishes || self.mesh,
                }
            })
            .collect()
    }

    /// The name of a room.
    pub fn room_name(&self, room: u32) -> String {
        format!("{}-{room}", self.room)
    }

    /// How many (publisher, subscriber) pairs there are.
    pub fn pairs(&self) -> u64 {
        let (publishers, subscribers) = (u64::from(self.publishers), u64::from(self.subscribers));
        let mesh = if self.mesh {
            publishers * (publishers - 1)
        } else {
            0
        };
        u64::from(self.rooms) * (publishers * subscribers + mesh)
    }

    /// How many see one publisher.
    pub fn viewers(&self) -> u64 {
        self.pairs() / u64::from(self.rooms * self.publishers)
    }

    /// [`Self::patience`] as a duration.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

fn fresh_room() -> String {
    format!("load-{:08x}", fastrand::u32(..))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(arguments: &str) -> Options {
        let line = std::iter::once("ringward-load").chain(arguments.split_whitespace());
        Options::try_parse_from(line).unwrap()
    }

    #[test]
    fn pairs_count_who_sees_whom() {
        for (arguments, pairs, viewers) in [
            ("--publishers 1 --subscribers 50", 50, 50),
            ("--publishers 3 --subscribers 4", 12, 4),
            ("--publishers 50 --subscribers 0 --mesh", 2_450, 49),
            ("--publishers 2 --subscribers 1 --mesh", 4, 2),
            ("--rooms 20 --publishers 3 --subscribers 0 --mesh", 120, 2),
        ] {
            let options = parse(arguments);
            assert_eq!(
                (options.pairs(), options.viewers()),
                (pairs, viewers),
                "{arguments}"
            );
        }
    }

    #[test]
    fn options_that_cannot_work_are_named() {
        assert_eq!(parse("").check(), Ok(()));
        for wrong in [
            "--publishers 0",
            "--burst 0",
            "--rate 5 --burst 10",
            "--bytes 10",
            "--bytes 9000",
            "--url wss://box",
            "--threads 0",
            "--seconds 0",
            "--protocol janus --simulcast",
        ] {
            let error = parse(wrong).check().unwrap_err();
            let option = wrong.split_whitespace().next().unwrap();
            assert!(error.contains(option), "{wrong}: {error}");
        }
    }
}

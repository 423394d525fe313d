//! What a packet costs on its way out: `cargo run --release -p ringward-egress --example cost`.
//!
//! Frames of ten packets with 1,164 bytes of payload, sealed into an arena that is used again, to
//! one and to two hundred clients; nanoseconds per packet, the best of several rounds.

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a command")]

use media::packet::{Extensions, Vp8Rewrite};
use media::{Codec, Kind, Mid, Outgoing};
use ringward_egress::{
    ExtensionIds, KeyingMaterial, PayloadType, Profile, Sender, Slots, StreamConfig,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAME: u64 = 10;
const PAYLOAD: usize = 1_164;
const PACKETS_PER_ROUND: u64 = 400_000;
const ROUNDS: usize = 5;

struct Arena {
    bytes: Vec<u8>,
    used: usize,
}

impl Slots for Arena {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.used + len > self.bytes.len() {
            self.used = 0;
        }
        let from = self.used;
        self.used += len;
        self.bytes.get_mut(from..from + len)
    }
}

fn main() {
    for clients in [1, 50, 200] {
        for (name, profile) in [
            ("GCM-256", Profile::AeadAes256Gcm),
            ("GCM-128", Profile::AeadAes128Gcm),
            ("CM-SHA1", Profile::Aes128CmSha1_80),
        ] {
            for (how, vp8, uneven) in [
                ("equal packets", false, false),
                ("VP8 rewritten", true, false),
                ("levelled by a byte", false, true),
            ] {
                let nanos = measure(clients, profile, vp8, uneven);
                println!("{clients:>4} clients  {name}  {how:<20} {nanos:>6.0} ns per packet");
            }
        }
    }
}

fn measure(clients: usize, profile: Profile, vp8: bool, uneven: bool) -> f64 {
    let start = Instant::now();
    let mut senders: Vec<Sender> = (0..clients)
        .filter_map(|seed| sender(seed as u64, profile, start))
        .collect();
    let mut arena = Arena {
        bytes: vec![0; 1 << 20],
        used: 0,
    };
    let mut bytes = vec![0x90, 0x80, 0x80];
    bytes.resize(PAYLOAD, 7);
    let payload: Arc<[u8]> = bytes.clone().into();
    bytes.pop();
    let shorter: Arc<[u8]> = bytes.into();
    let extensions = Extensions::default();
    let Some(mid) = Mid::new("1") else {
        return 0.0;
    };
    let (mut sequence, mut now, mut best) = (1, start, f64::MAX);
    for _ in 0..ROUNDS {
        let begun = cpu_nanos();
        let frames = PACKETS_PER_ROUND / FRAME / clients as u64;
        for _ in 0..frames {
            now += Duration::from_millis(33);
            for place in 0..FRAME {
                for sender in &mut senders {
                    let packet = Outgoing {
                        mid,
                        sequence: sequence + place,
                        timestamp: sequence as u32,
                        marker: place + 1 == FRAME,
                        starts_keyframe: false,
                        codec: Codec::Vp8,
                        payload: if uneven && place < 5 {
                            &shorter
                        } else {
                            &payload
                        },
                        vp8: vp8.then_some(Vp8Rewrite {
                            picture_id: Some(1),
                            tl0_pic_idx: None,
                        }),
                        extensions: &extensions,
                        arrival: now,
                    };
                    let _ = sender.write(&packet, now);
                }
            }
            for sender in &mut senders {
                sender.transmit(&mut arena, now);
            }
            sequence += FRAME;
        }
        let packets = frames * FRAME * clients as u64;
        best = best.min((cpu_nanos() - begun) as f64 / packets as f64);
    }
    let sent: u64 = senders.iter().map(|sender| sender.counters().packets).sum();
    assert_eq!(sent, (sequence - 1) * clients as u64, "all packets left");
    best
}

/// What this thread used of the processor, in steps of a scheduler tick (4 ms): rounds are long.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = stat.split_whitespace().next();
    first
        .and_then(|nanos| nanos.parse().ok())
        .unwrap_or_default()
}

fn sender(seed: u64, profile: Profile, now: Instant) -> Option<Sender> {
    let mut sender = Sender::new(seed, now);
    let material = vec![9; profile.material_len()];
    let keys = KeyingMaterial {
        profile,
        material: &material,
        is_client: false,
    };
    sender.set_keys(&keys).ok()?;
    sender.set_streams(&[StreamConfig {
        mid: Mid::new("1")?,
        kind: Kind::Video,
        ssrc: 2,
        rtx: Some(3),
        cname: "box".to_owned(),
        sending: true,
        payload_types: vec![PayloadType {
            codec: Codec::Vp8,
            pt: 96,
            rtx: Some(97),
        }],
        extensions: ExtensionIds {
            mid: Some(4),
            transport_cc: Some(3),
            abs_send_time: Some(2),
            ..ExtensionIds::default()
        },
        allows_mixed_forms: false,
    }]);
    Some(sender)
}

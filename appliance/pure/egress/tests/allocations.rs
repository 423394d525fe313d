//! No allocation per packet once everything is warm (`style.md`, habit 10).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

use media::packet::{Extensions, Vp8Rewrite};
use media::{Codec, Kind, Mid, Outgoing};
use ringward_egress::{
    ExtensionIds, KeyingMaterial, PayloadType, Profile, Sender, Slots, StreamConfig,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::Bitrate;

/// An arena as a reactor has one.
struct Arena {
    bytes: Vec<u8>,
    datagrams: u64,
}

impl Slots for Arena {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.datagrams += 1;
        self.bytes.get_mut(..len)
    }
}

struct Stage {
    sender: Sender,
    arena: Arena,
    payload: Arc<[u8]>,
    shorter: Arc<[u8]>,
    extensions: Extensions,
    now: Instant,
    sequence: u64,
}

impl Stage {
    fn new(profile: Profile) -> Self {
        let now = Instant::now();
        let mut sender = Sender::new(3, now);
        sender.set_streams(&[
            stream("0", Kind::Audio, 1, None, Codec::Opus, 111),
            stream("1", Kind::Video, 2, Some(3), Codec::Vp8, 96),
        ]);
        let material = vec![9; profile.material_len()];
        sender
            .set_keys(&KeyingMaterial {
                profile,
                material: &material,
                is_client: false,
            })
            .unwrap();
        sender.set_desired(Bitrate::kbps(2_500), now);
        let mid = Mid::new("1").unwrap();
        sender.set_sender_report(mid, Duration::from_secs(9), 1, now);
        let mut bytes = vec![0x90, 0x80, 0x80];
        bytes.resize(1_100, 7);
        Self {
            sender,
            arena: Arena {
                bytes: vec![0; 2_000],
                datagrams: 0,
            },
            shorter: bytes[..1_099].into(),
            payload: bytes.into(),
            extensions: Extensions {
                audio_level: Some(3),
                ..Extensions::default()
            },
            now,
            sequence: 1,
        }
    }

    /// Ten video packets and one of audio, at 30 frames a second.
    fn frame(&mut self) {
        self.now += Duration::from_millis(33);
        self.sequence += 10;
        for place in 0..10 {
            let payload = if place < 4 {
                &self.shorter
            } else {
                &self.payload
            };
            let id = (self.sequence & 0x7fff) as u16;
            let vp8 = Vp8Rewrite {
                picture_id: Some(id),
                tl0_pic_idx: None,
            };
            let vp8 = (self.sequence % 20 == 1).then_some(vp8);
            let sequence = self.sequence + place;
            self.write("1", Codec::Vp8, sequence, place == 9, &payload.clone(), vp8);
        }
        let audio = self.shorter.clone();
        self.write("0", Codec::Opus, self.sequence / 10, false, &audio, None);
        for _ in 0..3 {
            self.sender.handle_timeout(self.now);
            self.sender.transmit(&mut self.arena, self.now);
            self.now += Duration::from_millis(7);
        }
        while self.sender.poll_event().is_some() {}
    }

    fn write(
        &mut self,
        mid: &str,
        codec: Codec,
        sequence: u64,
        marker: bool,
        payload: &Arc<[u8]>,
        vp8: Option<Vp8Rewrite>,
    ) {
        let packet = Outgoing {
            mid: Mid::new(mid).unwrap(),
            sequence,
            timestamp: self.sequence as u32 * 300,
            marker,
            starts_keyframe: false,
            codec,
            payload,
            vp8,
            extensions: &self.extensions,
            arrival: self.now,
        };
        self.sender.write(&packet, self.now).unwrap();
    }
}

fn stream(
    mid: &str,
    kind: Kind,
    ssrc: u32,
    rtx: Option<u32>,
    codec: Codec,
    pt: u8,
) -> StreamConfig {
    StreamConfig {
        mid: Mid::new(mid).unwrap(),
        kind,
        ssrc,
        rtx,
        cname: "box".to_owned(),
        sending: true,
        payload_types: vec![PayloadType {
            codec,
            pt,
            rtx: rtx.map(|_| pt + 1),
        }],
        extensions: ExtensionIds {
            mid: Some(4),
            transport_cc: Some(3),
            abs_send_time: Some(2),
            audio_level: Some(1),
            ..ExtensionIds::default()
        },
        allows_mixed_forms: false,
    }
}

#[test]
fn ten_thousand_packets_allocate_nothing() {
    for profile in [
        Profile::AeadAes256Gcm,
        Profile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80,
    ] {
        let mut stage = Stage::new(profile);
        for _ in 0..300 {
            stage.frame();
        }
        let before = stage.sender.counters().packets;
        let counted = allocation_counter::measure(|| {
            for _ in 0..910 {
                stage.frame();
            }
        });
        let sent = stage.sender.counters().packets - before;
        assert_eq!(sent, 10_010, "{profile:?}: the packets must really leave");
        assert_eq!(counted.count_total, 0, "{profile:?}: {counted:?}");
    }
}

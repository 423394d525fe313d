//! No nonce twice, whatever happens.

use super::client::{AUDIO, Client, VIDEO, audio, ms, outgoing, streams, video};
use crate::keying::{KeyingMaterial, Profile};
use crate::srtp::tests::PROFILES;
use crate::{Sender, StreamConfig};
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
enum Step {
    /// Video packets, each this much ahead of the one before.
    Video {
        ahead: Vec<u64>,
        late: u64,
    },
    Audio(u64),
    Restart,
    /// Which of the two streams are negotiated, and in which role.
    Streams(u8),
    Nack(Vec<u16>),
    Report,
    /// Slots of the turn, and the time it takes.
    Turn {
        slots: usize,
        pause: u64,
    },
    SameKeys,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (proptest::collection::vec(prop_oneof![5 => 1_u64..4, 1 => 4_000_u64..8_192], 1..12), 0_u64..1_500)
            .prop_map(|(ahead, late)| Step::Video { ahead, late }),
        3 => (1_u64..5).prop_map(Step::Audio),
        1 => Just(Step::Restart),
        1 => (0_u8..6).prop_map(Step::Streams),
        3 => proptest::collection::vec(0_u16..40, 1..20).prop_map(Step::Nack),
        2 => Just(Step::Report),
        5 => (0_usize..40, 0_u64..1_300).prop_map(|(slots, pause)| Step::Turn { slots, pause }),
        1 => Just(Step::SameKeys),
    ]
}

struct Run {
    sender: Sender,
    client: Client,
    profile: Profile,
    material: Vec<u8>,
    now: Instant,
    video: u64,
    audio: u64,
}

impl Run {
    fn new(profile: Profile) -> Self {
        let now = Instant::now();
        let mut run = Self {
            sender: Sender::new(7, now),
            client: Client::new(profile),
            profile,
            material: vec![0x5a; profile.material_len()],
            now,
            video: 60_000,
            audio: 60_000,
        };
        run.sender.set_streams(&streams());
        run.key();
        run
    }

    fn key(&mut self) {
        let keys = KeyingMaterial {
            profile: self.profile,
            material: &self.material,
            is_client: true,
        };
        self.sender.set_keys(&keys).unwrap();
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Video { ahead, late } => {
                for (place, ahead) in ahead.iter().enumerate() {
                    self.video += ahead;
                    let marker = place % 3 == 0;
                    let packet = video(self.video, 300 + place, marker);
                    let _ = self.sender.write(&outgoing(&packet), self.now);
                }
                let packet = video(self.video - late, 300, true);
                let _ = self.sender.write(&outgoing(&packet), self.now);
            }
            Step::Audio(ahead) => {
                self.audio += ahead;
                let packet = audio(self.audio, 90);
                let _ = self.sender.write(&outgoing(&packet), self.now);
            }
            Step::Restart => {
                self.sender.restart(video(1, 1, true).mid);
                self.video = 3_000;
            }
            Step::Streams(which) => self.sender.set_streams(&negotiated(*which)),
            Step::Nack(behind) => self.nack(behind),
            Step::Report => {
                for packet in [audio(1, 1), video(1, 1, true)] {
                    let ntp = Duration::from_secs(5);
                    self.sender.set_sender_report(packet.mid, ntp, 1, self.now);
                }
            }
            Step::Turn { slots, pause } => self.turn(*slots, *pause),
            Step::SameKeys => self.key(),
        }
    }

    /// Asks for what was sent last; numbers are looked up in the stream, as a client would know.
    fn nack(&mut self, behind: &[u16]) {
        let streams = self.sender.streams.iter();
        let highest: Vec<(u32, u16)> = streams
            .filter_map(|s| Some((s.config.ssrc, s.continuity.highest()? as u16)))
            .collect();
        for (ssrc, highest) in highest {
            let asked: Vec<u16> = behind.iter().map(|b| highest.wrapping_sub(*b)).collect();
            self.client.nack(&mut self.sender, ssrc, &asked, self.now);
        }
    }

    fn turn(&mut self, slots: usize, pause: u64) {
        self.now += ms(pause);
        self.sender.handle_timeout(self.now);
        let mut room = Room {
            left: slots,
            datagram: Vec::new(),
        };
        self.sender.transmit(&mut room, self.now);
    }

    /// How many nonces were used, or the first that was used twice.
    fn nonces(&self) -> Result<usize, [u8; 16]> {
        let keys = self.sender.keys.as_ref().unwrap();
        let mut used = 0;
        for cipher in [&keys.rtp, &keys.rtcp] {
            let mut seen = HashSet::new();
            for nonce in cipher.log.borrow().iter() {
                if !seen.insert(*nonce) {
                    return Err(*nonce);
                }
                used += 1;
            }
        }
        Ok(used)
    }
}

/// SSRCs come, go, and change their roles.
fn negotiated(which: u8) -> Vec<StreamConfig> {
    let mut all = streams();
    match which {
        0 => all.clear(),
        1 => all.truncate(1),
        2 => all[1].sending = false,
        3 => {
            all[1].ssrc = VIDEO + 1;
            all[1].rtx = Some(VIDEO);
        }
        4 => {
            all[0].ssrc = VIDEO + 1;
            all[1].rtx = Some(AUDIO);
        }
        _ => {}
    }
    all
}

struct Room {
    left: usize,
    datagram: Vec<u8>,
}

impl crate::Slots for Room {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.left = self.left.checked_sub(1)?;
        self.datagram.clear();
        self.datagram.resize(len, 0);
        Some(&mut self.datagram)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_nonce_is_used_twice(steps in proptest::collection::vec(step(), 1..250)) {
        for profile in PROFILES {
            let mut run = Run::new(profile);
            for step in &steps {
                run.apply(step);
            }
            let used = run.nonces();
            prop_assert!(used.is_ok(), "{:?} twice", used);
        }
    }
}

#[test]
fn three_rollovers_use_every_nonce_once() {
    let mut run = Run::new(Profile::AeadAes256Gcm);
    for round in 0..3_400_u64 {
        let ahead = vec![1; 60];
        run.apply(&Step::Video {
            ahead,
            late: round % 700,
        });
        run.apply(&Step::Audio(1));
        for _ in 0..3 {
            run.turn(usize::MAX, 70);
        }
        run.apply(&Step::Nack(vec![1, 3, 5]));
        if round % 100 == 0 {
            run.apply(&Step::Streams(round as u8 / 100 % 6));
            run.apply(&Step::Report);
            run.turn(usize::MAX, 200);
            run.apply(&Step::Streams(5));
        }
    }
    assert!(
        run.nonces().is_ok_and(|used| used > 150_000),
        "{:?}",
        run.nonces()
    );
    let highest = run.sender.streams[1].continuity.highest().unwrap();
    assert!(highest >> 16 >= 3, "{highest}");
}

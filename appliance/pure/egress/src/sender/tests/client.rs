//! A client that opens what it gets and answers.

use crate::Heard;
use crate::keying::{KeyingMaterial, Profile};
use crate::srtp::tests::{cipher, open_rtp};
use crate::srtp::{Cipher, Direction};
use crate::{ExtensionIds, PayloadType, Sender, Slots, StreamConfig};
use media::packet::{Extensions, Vp8Rewrite};
use media::{Codec, Kind, Mid, Outgoing};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const AUDIO: u32 = 10;
/// Its retransmissions: one more.
pub(super) const VIDEO: u32 = 20;
pub(super) const MATERIAL: [u8; 88] = [0x5a; 88];

pub(super) struct Client {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
    /// Slots of the next turn; `None`: as many as asked for.
    pub(super) slots: Option<usize>,
    /// Compounds, opened.
    pub(super) reports: Vec<Vec<u8>>,
    datagrams: Vec<Vec<u8>>,
}

/// An RTP packet as the client reads it.
pub(super) struct Read {
    pub(super) len: usize,
    pub(super) pt: u8,
    pub(super) marker: bool,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
    pub(super) mid: Option<String>,
    pub(super) transport_cc: Option<u16>,
    pub(super) payload: Vec<u8>,
}

/// A packet to be written.
pub(super) struct Written {
    pub(super) mid: Mid,
    pub(super) sequence: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) starts_keyframe: bool,
    pub(super) codec: Codec,
    pub(super) payload: Arc<[u8]>,
    pub(super) vp8: Option<Vp8Rewrite>,
    extensions: Extensions,
    arrival: Instant,
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(super) fn stage() -> (Sender, Client, Instant) {
    let now = Instant::now();
    let mut sender = Sender::new(1, now);
    sender.set_streams(&streams());
    let keys = KeyingMaterial {
        profile: Profile::AeadAes256Gcm,
        material: &MATERIAL,
        is_client: false,
    };
    sender.set_keys(&keys).unwrap();
    (sender, Client::new(Profile::AeadAes256Gcm), now)
}

pub(super) fn streams() -> Vec<StreamConfig> {
    let extensions = ExtensionIds {
        mid: Some(4),
        transport_cc: Some(3),
        abs_send_time: Some(2),
        ..ExtensionIds::default()
    };
    let stream = |mid, kind, ssrc, rtx, codec, pt, rtx_pt| StreamConfig {
        mid: Mid::new(mid).unwrap(),
        kind,
        ssrc,
        rtx,
        cname: "box".to_owned(),
        sending: true,
        payload_types: vec![PayloadType {
            codec,
            pt,
            rtx: rtx_pt,
        }],
        extensions,
        allows_mixed_forms: false,
    };
    vec![
        stream("0", Kind::Audio, AUDIO, None, Codec::Opus, 111, None),
        stream(
            "1",
            Kind::Video,
            VIDEO,
            Some(VIDEO + 1),
            Codec::Vp8,
            96,
            Some(97),
        ),
    ]
}

pub(super) fn payload(sequence: u64, len: usize) -> Arc<[u8]> {
    (0..len)
        .map(|at| (sequence as usize * 7 + at) as u8 & 0x6f)
        .collect()
}

/// A packet of the video section; each sequence number has its frame's timestamp from the marker.
pub(super) fn video(sequence: u64, len: usize, marker: bool) -> Written {
    written("1", Codec::Vp8, sequence, len, marker)
}

pub(super) fn audio(sequence: u64, len: usize) -> Written {
    written("0", Codec::Opus, sequence, len, false)
}

fn written(mid: &str, codec: Codec, sequence: u64, len: usize, marker: bool) -> Written {
    Written {
        mid: Mid::new(mid).unwrap(),
        sequence,
        timestamp: 1,
        marker,
        starts_keyframe: false,
        codec,
        payload: payload(sequence, len),
        vp8: None,
        extensions: Extensions::default(),
        arrival: Instant::now(),
    }
}

pub(super) fn outgoing(packet: &Written) -> Outgoing<'_> {
    Outgoing {
        mid: packet.mid,
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        starts_keyframe: packet.starts_keyframe,
        codec: packet.codec,
        payload: &packet.payload,
        vp8: packet.vp8,
        extensions: &packet.extensions,
        arrival: packet.arrival,
    }
}

impl Slots for Client {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        if let Some(left) = &mut self.slots {
            *left = left.checked_sub(1)?;
        }
        self.datagrams.push(vec![0xee; len]);
        self.datagrams.last_mut().map(Vec::as_mut_slice)
    }
}

impl Client {
    pub(super) fn new(profile: Profile) -> Self {
        let key = vec![0x5a; profile.key_len()];
        let salt = vec![0x5a; profile.salt_len()];
        Self {
            rtp: cipher(profile, &key, &salt, Direction::Rtp),
            rtcp: cipher(profile, &key, &salt, Direction::Rtcp),
            rtcp_index: 1,
            slots: None,
            reports: Vec::new(),
            datagrams: Vec::new(),
        }
    }

    /// Lets the sender transmit, and reads the RTP packets. Rollover counters are 0.
    pub(super) fn take(&mut self, sender: &mut Sender, now: Instant) -> Vec<Read> {
        sender.transmit(self, now);
        let datagrams = std::mem::take(&mut self.datagrams);
        datagrams
            .into_iter()
            .filter_map(|datagram| self.read(&datagram))
            .collect()
    }

    /// The same, of the packets that are sent again: others may be beyond a rollover.
    pub(super) fn repair(&mut self, sender: &mut Sender, now: Instant) -> Vec<Read> {
        sender.transmit(self, now);
        let ssrc = (VIDEO + 1).to_be_bytes();
        let datagrams = std::mem::take(&mut self.datagrams);
        let repair = datagrams.iter().filter(|datagram| datagram[8..12] == ssrc);
        repair.filter_map(|datagram| self.read(datagram)).collect()
    }

    fn read(&mut self, datagram: &[u8]) -> Option<Read> {
        let word = |at: usize| u32::from_be_bytes(datagram[at..at + 4].try_into().unwrap());
        if (192..=223).contains(&datagram[1]) {
            let at = self.rtcp.rtcp_index_at(datagram.len()).unwrap();
            let mut packet = datagram.to_vec();
            let index = word(at) & 0x7fff_ffff;
            let end = self.rtcp.open_rtcp(&mut packet, (word(4), index));
            packet.truncate(end.expect("an authentic report"));
            self.reports.push(packet);
            return None;
        }
        let sequence = word(0) as u16;
        let words = if datagram[0] & 0x10 != 0 {
            word(12) as u16
        } else {
            0
        };
        let header = if datagram[0] & 0x10 != 0 {
            16 + usize::from(words) * 4
        } else {
            12
        };
        let index = (word(8), u64::from(sequence));
        let plain = open_rtp(&self.rtp, datagram, header, index).expect("an authentic packet");
        let padding = if datagram[0] & 0x20 != 0 {
            usize::from(*plain.last().unwrap())
        } else {
            0
        };
        let (mut mid, mut transport_cc, mut rest) = (None, None, &plain[(header.min(16))..header]);
        while let [first, behind @ ..] = rest {
            let (value, behind) = match first {
                0 => (&behind[..0], behind),
                first => behind.split_at(usize::from(first & 0x0f) + 1),
            };
            match first >> 4 {
                4 => mid = Some(String::from_utf8(value.to_vec()).unwrap()),
                3 => transport_cc = Some(u16::from_be_bytes(value.try_into().unwrap())),
                _ => {}
            }
            rest = behind;
        }
        Some(Read {
            len: datagram.len(),
            pt: datagram[1] & 0x7f,
            marker: datagram[1] & 0x80 != 0,
            sequence,
            ssrc: word(8),
            mid,
            transport_cc,
            payload: plain[header..plain.len() - padding].to_vec(),
        })
    }

    pub(super) fn nack(&mut self, sender: &mut Sender, ssrc: u32, numbers: &[u16], now: Instant) {
        for numbers in numbers.chunks(64) {
            let mut compound = vec![0x81, 205, 0, 2 + numbers.len() as u8, 0, 0, 0, 99];
            compound.extend(ssrc.to_be_bytes());
            for number in numbers {
                compound.extend(number.to_be_bytes());
                compound.extend([0, 0]);
            }
            self.send(sender, compound, now);
        }
    }

    /// Transport-wide feedback: the fate of packets from `base` on, in ms after the first.
    pub(super) fn feedback(
        &mut self,
        sender: &mut Sender,
        (base, count): (u16, u8),
        arrivals: &[Option<u64>],
        now: Instant,
    ) {
        let arrivals: Vec<_> = arrivals.iter().map(|at| at.map(ms)).collect();
        let mut fci = Vec::new();
        let feedback = congestion::Feedback::from_arrivals(base, count, &arrivals);
        feedback.expect("something arrived").write(&mut fci);
        let words = (2 + fci.len() / 4) as u8;
        let mut compound = vec![0x8f, 205, 0, words, 0, 0, 0, 99];
        compound.extend(VIDEO.to_be_bytes());
        compound.extend(fci);
        self.send(sender, compound, now);
    }

    pub(super) fn pli(&mut self, sender: &mut Sender, ssrc: u32, now: Instant) {
        let mut compound = vec![0x81, 206, 0, 2, 0, 0, 0, 99];
        compound.extend(ssrc.to_be_bytes());
        self.send(sender, compound, now);
    }

    /// A receiver report that answers a sender report.
    pub(super) fn report(
        &mut self,
        sender: &mut Sender,
        ssrc: u32,
        lost: u8,
        answered: &[u8],
        delay: Duration,
        now: Instant,
    ) {
        let mut compound = vec![0x81, 201, 0, 7, 0, 0, 0, 99];
        compound.extend(ssrc.to_be_bytes());
        // Jitter: 900 ticks, 10 ms of video.
        compound.extend([lost, 0, 0, 9, 0, 0, 0, 0, 0, 0, 3, 0x84]);
        compound.extend(&answered[10..14]);
        let delay = (delay.as_micros() * 65_536 / 1_000_000) as u32;
        compound.extend(delay.to_be_bytes());
        self.send(sender, compound, now);
    }

    pub(super) fn send(
        &mut self,
        sender: &mut Sender,
        mut compound: Vec<u8>,
        now: Instant,
    ) -> Heard {
        let len = compound.len() + self.rtcp.rtcp_overhead();
        compound.resize(len, 0);
        self.rtcp_index += 1;
        self.rtcp
            .seal_rtcp(&mut compound, (99, self.rtcp_index))
            .unwrap();
        sender.handle_rtcp(&compound, now).expect("well-formed")
    }
}

//! What crosses between a peer and the media plane: received packets, packets to send.

use std::sync::Arc;
use std::time::{Duration, Instant};
use vocab::PeerKey;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Never held, never shed before video.
    Audio,
    /// Forwarded by layer, switched on keyframes.
    Video,
}

/// A codec the box forwards (RFC 7587, 2198, 7741, 6184, 9628, AV1 RTP 1.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 2198 around Opus.
    Red,
    /// RFC 7741; picture ids are rewritten.
    Vp8,
    /// RFC 6184; profile-level-id (3 bytes) and packetization mode decide the payload type.
    H264 {
        /// `profile-level-id` as a number.
        profile: u32,
        /// 0 or 1.
        packetization_mode: u8,
    },
    /// RFC 9628; `profile-id`. SVC is forwarded whole.
    Vp9 {
        /// 0 to 3.
        profile: u8,
    },
    /// AV1 RTP specification 1.0. SVC is forwarded whole.
    Av1,
}

macro_rules! short_text {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $max]);

        impl $name {
            /// `None` when empty, too long or not ASCII.
            pub fn new(text: &str) -> Option<Self> {
                let mut bytes = [0; $max];
                if text.is_empty() || !text.is_ascii() || text.contains('\0') {
                    return None;
                }
                bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
                Some(Self(bytes))
            }

            /// The text as it stands in SDP and in the header extension.
            pub fn as_str(&self) -> &str {
                let end = self.0.iter().position(|b| *b == 0).unwrap_or($max);
                self.0.get(..end).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

short_text!(
    /// Media section id (`a=mid`, RFC 8843); at most 16 ASCII characters.
    Mid, 16
);
short_text!(
    /// Simulcast stream id (`a=rid`, RFC 8851); at most 8 ASCII characters.
    Rid, 8
);

/// A simulcast layer, lowest first; `LiveKit`'s rids `q`, `h`, `f` and its qualities LOW, MEDIUM, HIGH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// rid `q`.
    Low = 0,
    /// rid `h`.
    Medium = 1,
    /// rid `f`.
    High = 2,
}

impl Layer {
    /// All layers, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The layer of a rid by its *name*: JS lists `q;h;f`, native SDKs `f;h;q`.
    pub fn from_rid(rid: Rid) -> Option<Self> {
        match rid.as_str() {
            "q" => Some(Self::Low),
            "h" => Some(Self::Medium),
            "f" => Some(Self::High),
            _ => None,
        }
    }

    /// The rid that carries this layer.
    pub fn rid(self) -> Rid {
        let text = match self {
            Self::Low => "q",
            Self::Medium => "h",
            Self::High => "f",
        };
        Rid::new(text).unwrap_or_else(|| unreachable!("rid literals are short ASCII"))
    }
}

/// A received RTP packet, decrypted, its extensions read.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The section it belongs to.
    pub mid: Mid,
    /// The simulcast stream, when the publisher sends several.
    pub rid: Option<Rid>,
    /// What the payload type means on this peer.
    pub codec: Codec,
    /// Extended sequence number (rollovers counted from the first packet).
    pub sequence: u64,
    /// RTP timestamp in the codec's clock (48 kHz audio, 90 kHz video).
    pub timestamp: u32,
    /// Last packet of a video frame.
    pub marker: bool,
    /// First packet of a keyframe (always false for audio).
    pub starts_keyframe: bool,
    /// Bytes after header and extensions, shared by every subscriber. Empty: padding, with which
    /// the publisher probes its path; it takes a number and says nothing.
    pub payload: Arc<[u8]>,
    /// Extensions worth forwarding.
    pub extensions: Extensions,
    /// When the datagram was read.
    pub arrival: Instant,
}

/// Header extensions that travel from publisher to subscriber.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// RFC 6464: 0 (loudest) to 127 (silence), in −dBov.
    pub audio_level: Option<u8>,
    /// RFC 6464 voice activity flag.
    pub voice_activity: Option<bool>,
    /// 3GPP 26.114 coordination of video orientation, the raw byte.
    pub video_orientation: Option<u8>,
    /// AV1 dependency descriptor, untouched.
    pub dependency_descriptor: Option<Arc<[u8]>>,
}

/// VP8 payload descriptor fields that a layer switch rewrites (RFC 7741 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8Rewrite {
    /// 15-bit picture id.
    pub picture_id: Option<u16>,
    /// TL0PICIDX.
    pub tl0_pic_idx: Option<u8>,
}

/// A packet on its way to one subscriber: header fields already continuous for that subscriber.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The subscriber's section.
    pub mid: Mid,
    /// Extended; one continuous sequence per subscription, first value below 32,768.
    pub sequence: u64,
    /// Continuous across layer switches.
    pub timestamp: u32,
    /// Last packet of a video frame.
    pub marker: bool,
    /// First packet of a keyframe (always false for audio).
    pub starts_keyframe: bool,
    /// Decides the payload type on the subscriber's peer.
    pub codec: Codec,
    /// Shared payload.
    pub payload: &'a Arc<[u8]>,
    /// Present when the payload's VP8 descriptor must change.
    pub vp8: Option<Vp8Rewrite>,
    /// Forwarded extensions.
    pub extensions: &'a Extensions,
    /// When the publisher's packet arrived: latency is measured from here.
    pub arrival: Instant,
}

/// Where a room's packets go. The worker implements it over its peers; tests record.
pub trait Egress {
    /// Sends one packet to one subscriber's peer. An unknown or closed peer is ignored.
    fn write(&mut self, peer: PeerKey, packet: &Outgoing<'_>, now: Instant);
}

/// `LiveKit`'s data channels (`livekit.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// `_reliable`: ordered, retransmitted.
    Reliable,
    /// `_lossy`: unordered, never retransmitted.
    Lossy,
    /// `_data_track`: unordered, never retransmitted; raw bytes.
    DataTrack,
}

/// A publisher's RTCP sender report (RFC 3550 §6.4.1): ties a layer's RTP clock to a wall clock,
/// so that layers with different timestamp offsets can be joined without a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// The section.
    pub mid: Mid,
    /// The simulcast stream.
    pub rid: Option<Rid>,
    /// The sender's NTP clock as a duration since its own epoch.
    pub ntp: Duration,
    /// The RTP timestamp at that instant.
    pub timestamp: u32,
}

/// What a receiver reports of a section (RFC 3550 §6.4.2), or what we measure of a publisher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossReport {
    /// The section.
    pub mid: Mid,
    /// 0.0 to 1.0 since the last report.
    pub fraction_lost: f32,
    /// Round trip, where known.
    pub round_trip: Option<Duration>,
}

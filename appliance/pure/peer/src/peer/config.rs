//! How str0m is set up for one peer.

use super::PeerConfig;
use crate::channel::{MAX_BUFFERED_BYTES, MAX_MESSAGE_BYTES};
use crate::egress::own::Own;
use crate::egress::plain::{Plain, RTX_CACHE_PACKETS};
use crate::egress::{Egress, EgressKind};
use crate::extension::extension_map;
use crate::keying::{Exporter, listen};
use media::plane::PeerRole;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate as RtcBitrate;
use str0m::config::DtlsVersion;
use str0m::{Candidate, Rtc, RtcConfig};

/// What a path is taken to carry before anything is known of it. Enough for audio and a medium
/// layer at once; probing finds the rest within a second.
const INITIAL_ESTIMATE: RtcBitrate = RtcBitrate::kbps(1_500);
/// How often loss and round trips are reported. `LiveKit` rates connections every 5 s.
const STATS_INTERVAL: Duration = Duration::from_secs(2);
/// High 4:4:4 Predictive, which Chromium lists beside str0m's own profiles; payload types that
/// str0m's defaults leave free.
const H264_HIGH_444: [(u8, u8, bool); 2] = [(112, 113, true), (117, 118, false)];
const H264_HIGH_444_PROFILE: u32 = 0xf4_00_1f;

/// The parts of a peer that are made together.
pub(super) struct Built {
    /// `None`: str0m panicked.
    pub(super) rtc: Option<Rtc>,
    pub(super) egress: Box<dyn Egress>,
    pub(super) exporter: Exporter,
}

pub(super) fn build(config: &PeerConfig, now: Instant) -> Built {
    let sends = matches!(
        config.spec.role,
        PeerRole::Single | PeerRole::Subscriber | PeerRole::Whep
    );
    let is_own = sends && config.egress == EgressKind::Own;
    let egress: Box<dyn Egress> = if is_own {
        Box::new(Own::new(config.seed, config.epoch, now))
    } else {
        Box::new(Plain::default())
    };
    let estimates = sends && !is_own;
    let build = || catch_unwind(AssertUnwindSafe(|| rtc(config, estimates, now))).ok();
    let (rtc, exporter) = listen(build);
    Built {
        rtc,
        egress,
        exporter,
    }
}

/// DTLS 1.2: with it and as the server we get AES-GCM from browsers (`egress.md` §2). str0m
/// estimates only what it sends itself.
fn rtc(config: &PeerConfig, estimates: bool, now: Instant) -> Rtc {
    let mut rtc_config = RtcConfig::new()
        .set_crypto_provider(config.certificate.crypto.clone())
        .set_dtls_cert((*config.certificate.certificate).clone())
        .set_dtls_version(DtlsVersion::Dtls12)
        .set_ice_lite(config.spec.ice_lite)
        .set_rtp_mode(true)
        .clear_codecs()
        .enable_opus(true, true)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_vp9(true)
        .enable_av1(true)
        .set_extension_map(extension_map())
        .set_stats_interval(Some(STATS_INTERVAL))
        .set_send_buffer_video(RTX_CACHE_PACKETS)
        .set_sctp_max_message_size(MAX_MESSAGE_BYTES as u32)
        .set_sctp_max_buffered_amount(MAX_BUFFERED_BYTES)
        .enable_bwe(estimates.then_some(INITIAL_ESTIMATE));
    for (pt, resend, mode) in H264_HIGH_444 {
        rtc_config.codec_config().add_h264(
            pt.into(),
            Some(resend.into()),
            mode,
            H264_HIGH_444_PROFILE,
        );
    }
    let mut rtc = rtc_config.build(now);
    for address in &config.candidates {
        if let Ok(candidate) = Candidate::host(*address, "udp") {
            rtc.add_local_candidate(candidate);
        }
    }
    rtc
}

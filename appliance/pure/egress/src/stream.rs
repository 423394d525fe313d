//! One section's stream, as negotiated.

use crate::payload_type::PayloadType;
use media::{Kind, Mid};

/// The client's numbers for the header extensions of a section (RFC 8285); `None`: not negotiated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub mid: Option<u8>,
    /// `draft-holmer-rmcat-transport-wide-cc-extensions-01`.
    pub transport_cc: Option<u8>,
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`.
    pub abs_send_time: Option<u8>,
    /// `urn:ietf:params:rtp-hdrext:ssrc-audio-level` (RFC 6464).
    pub audio_level: Option<u8>,
    /// `urn:3gpp:video-orientation`.
    pub video_orientation: Option<u8>,
    /// AV1 RTP specification, appendix A.
    pub dependency_descriptor: Option<u8>,
}

/// A section that may send, after a negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamConfig {
    /// The section.
    pub mid: Mid,
    /// Decides priority, holding, retransmission and the clock.
    pub kind: Kind,
    /// The media SSRC the client was told.
    pub ssrc: u32,
    /// The retransmission SSRC the client was told.
    pub rtx: Option<u32>,
    /// RTCP's canonical name (RFC 3550 §6.5.1); the first 255 bytes are used.
    pub cname: String,
    /// False while the section is inactive or receives only.
    pub sending: bool,
    /// In the client's order of preference.
    pub payload_types: Vec<PayloadType>,
    /// The client's numbers.
    pub extensions: ExtensionIds,
    /// `a=extmap-allow-mixed` (RFC 8285 §6): two-byte extension headers may be used.
    pub allows_mixed_forms: bool,
}

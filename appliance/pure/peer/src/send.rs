//! What goes to a client, through str0m's own egress.
//!
//! The egress beside str0m (`egress.md`) takes the place of this file: nothing else writes RTP.

use crate::extension::{DependencyDescriptor, needs_mixed_forms};
use crate::section::Section;
use media::packet::{Extensions, Vp8Rewrite};
use media::{Codec, Kind, Outgoing};
use std::sync::Arc;
use str0m::rtp::{ExtensionValues, RedBlock, RedDecoder, RtpWrite, Ssrc, Vp8Descriptor, Vp8Patch};

/// Longest payload in bytes: str0m writes header, extensions, payload and tag into 2,000 bytes.
/// An Ethernet frame carries 1,460.
const MAX_PAYLOAD_BYTES: usize = 1_600;
/// Largest 7-bit VP8 picture id (RFC 7741 §4.2).
const SHORT_PICTURE_ID: u16 = 0x7f;

/// Why a packet is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteRefusal {
    /// The section does not send.
    NotSending,
    /// The client has no such codec.
    Codec,
    /// Longer than [`MAX_PAYLOAD_BYTES`].
    TooLong,
    /// Its number was used, or is too old.
    Repeated,
}

/// The write command for one packet.
pub(crate) fn command(
    section: &mut Section,
    packet: &Outgoing<'_>,
    allows_mixed_forms: bool,
) -> Result<(Ssrc, RtpWrite), WriteRefusal> {
    let ssrc = section.ssrc.filter(|_| section.sending);
    let ssrc = ssrc.ok_or(WriteRefusal::NotSending)?;
    if packet.payload.len() > MAX_PAYLOAD_BYTES {
        return Err(WriteRefusal::TooLong);
    }
    let (pt, payload) = match section.payload_type(packet.codec) {
        Some(pt) => (pt, Arc::clone(packet.payload)),
        None if packet.codec == Codec::Red => {
            let pt = section
                .payload_type(Codec::Opus)
                .ok_or(WriteRefusal::Codec)?;
            (pt, primary(packet.payload).ok_or(WriteRefusal::Codec)?)
        }
        None => return Err(WriteRefusal::Codec),
    };
    let sequence = section.continuity.next(packet.sequence);
    let sequence = sequence.ok_or(WriteRefusal::Repeated)?;
    let patch = packet.vp8.and_then(|rewrite| patch(&payload, rewrite));
    let describe = section.describes
        && (allows_mixed_forms
            || !packet
                .extensions
                .dependency_descriptor
                .as_ref()
                .is_some_and(|bytes| needs_mixed_forms(bytes)));
    let write = RtpWrite::new(
        pt,
        sequence.into(),
        packet.timestamp,
        packet.arrival,
        payload,
    )
    .marker(packet.marker)
    .nackable(section.kind == Kind::Video)
    .ext_vals(extension_values(packet.extensions, describe));
    Ok((
        ssrc,
        match patch {
            Some(patch) => write.vp8_patch(patch),
            None => write,
        },
    ))
}

/// The Opus frame in front of its redundancy (RFC 2198), for clients that do not read RED.
fn primary(payload: &[u8]) -> Option<Arc<[u8]>> {
    let blocks: Vec<RedBlock<'_>> = RedDecoder::decode(payload).ok()?;
    let primary = blocks.iter().find(|block| block.is_primary)?;
    (!primary.payload.is_empty()).then(|| primary.payload.into())
}

/// A descriptor without the fields, or with a 7-bit picture id, takes what fits it.
fn patch(payload: &[u8], rewrite: Vp8Rewrite) -> Option<Vp8Patch> {
    let descriptor = Vp8Descriptor::parse(payload).ok()?;
    let build = |picture_id: Option<u16>| {
        let mut patch = descriptor.patch();
        if let Some(id) = picture_id {
            patch = patch.picture_id(id);
        }
        if let Some(index) = rewrite.tl0_pic_idx {
            patch = patch.tl0_pic_idx(index);
        }
        patch.build().ok()
    };
    build(rewrite.picture_id)
        .or_else(|| build(rewrite.picture_id.map(|id| id & SHORT_PICTURE_ID)))
        .or_else(|| build(None))
}

fn extension_values(extensions: &Extensions, describe: bool) -> ExtensionValues {
    let mut values = ExtensionValues {
        audio_level: extensions.audio_level.map(|level| -((level & 0x7f) as i8)),
        voice_activity: extensions
            .voice_activity
            .or(extensions.audio_level.map(|_| false)),
        video_orientation: extensions.video_orientation.map(Into::into),
        ..ExtensionValues::default()
    };
    if let Some(descriptor) = extensions
        .dependency_descriptor
        .as_ref()
        .filter(|_| describe)
    {
        values
            .user_values
            .set(DependencyDescriptor(Arc::clone(descriptor)));
    }
    values
}

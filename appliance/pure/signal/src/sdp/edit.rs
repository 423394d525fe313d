//! Editing str0m's text section by section.
//!
//! str0m never reads its own text again, so what is written here is between the box and the
//! client only. str0m chooses codecs and parameters for a whole peer connection and ids and
//! directions by itself; `LiveKit`'s clients expect them per section.

mod opus;
mod order;

use super::section::{Direction, Section, SectionKind};
use super::{Description, ParseSdpError};
use media::Mid;

/// What one section is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionPlan {
    /// Which section.
    pub mid: Mid,
    /// What for.
    pub role: SectionRole,
}

/// What a section is for, seen from the box. Sections in use need their role in *every* edit:
/// a text is edited from str0m's, which remembers no earlier edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionRole {
    /// The client sends a track to the box.
    Publish {
        /// The codec the client is to send (`video/VP9`); libwebrtc sends the first of the
        /// answer. `None`, or one that was not negotiated, leaves str0m's order.
        first_codec: Option<String>,
        /// RED may be sent (audio); otherwise Opus comes first.
        red: bool,
        /// The track is stereo: `stereo=1;maxaveragebitrate=510000`.
        stereo: bool,
        /// Silence may be left out: `usedtx=1`.
        dtx: bool,
    },
    /// The box sends a track to the client.
    Subscribe {
        /// msid's stream: `PA_…|TR_…`, or `PA_…|camera`.
        stream: String,
        /// msid's track: `TR_…`.
        track: String,
        /// The track is stereo: `sprop-stereo=1`.
        stereo: bool,
    },
    /// Nobody sends: an unused slot.
    Inactive,
    /// As str0m wrote it.
    Keep,
}

/// Why a text could not be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditSdpError {
    /// The offer is no session description.
    #[error("the offer cannot be read: {0}")]
    Offer(#[source] ParseSdpError),
    /// The answer is no session description.
    #[error("the answer cannot be read: {0}")]
    Answer(#[source] ParseSdpError),
    /// A plan names a section that is not there.
    #[error("there is no section {0}")]
    NoSection(Mid),
    /// A plan would send in a section in which the client does not receive.
    #[error("the client does not receive in section {0}")]
    NotReceiving(Mid),
    /// An id of a plan has a character that SDP's msid cannot hold.
    #[error("the ids for section {0} cannot stand in SDP")]
    BadId(Mid),
}

/// Edits our answer to a client's offer.
pub fn edit_answer(
    answer: &str,
    offer: &str,
    plans: &[SectionPlan],
) -> Result<String, EditSdpError> {
    let offer = Description::parse(offer).map_err(EditSdpError::Offer)?;
    let mut answer = Description::parse(answer).map_err(EditSdpError::Answer)?;
    for SectionPlan { mid, role } in needed(plans) {
        let offered = offer
            .section(*mid)
            .ok_or(EditSdpError::NoSection(*mid))?
            .direction();
        let section = answer
            .section_mut(*mid)
            .ok_or(EditSdpError::NoSection(*mid))?;
        if matches!(role, SectionRole::Subscribe { .. }) && !offered.receives() {
            return Err(EditSdpError::NotReceiving(*mid));
        }
        apply(section, *mid, role)?;
    }
    opus::unify(&mut answer, plans);
    answer.forget_streams();
    Ok(answer.to_string())
}

/// Edits our offer to a client (the subscriber connection of `LiveKit` v0).
pub fn edit_offer(offer: &str, plans: &[SectionPlan]) -> Result<String, EditSdpError> {
    let mut offer = Description::parse(offer).map_err(EditSdpError::Offer)?;
    for SectionPlan { mid, role } in needed(plans) {
        let section = offer
            .section_mut(*mid)
            .ok_or(EditSdpError::NoSection(*mid))?;
        apply(section, *mid, role)?;
    }
    opus::unify(&mut offer, plans);
    offer.forget_streams();
    Ok(offer.to_string())
}

/// A section that is kept need not be there: str0m leaves out what it does not know.
fn needed(plans: &[SectionPlan]) -> impl Iterator<Item = &SectionPlan> {
    plans.iter().filter(|plan| plan.role != SectionRole::Keep)
}

/// A refused section is left alone whatever its plan: it can carry nothing.
fn apply(section: &mut Section, mid: Mid, role: &SectionRole) -> Result<(), EditSdpError> {
    let is_media = matches!(section.kind(), SectionKind::Audio | SectionKind::Video);
    if section.is_rejected() || !is_media {
        return Ok(());
    }
    match role {
        SectionRole::Publish {
            first_codec, red, ..
        } => {
            order::order_formats(section, first_codec.as_deref(), *red);
            let written = section.direction();
            section.set_direction(if written.receives() {
                Direction::RecvOnly
            } else {
                Direction::Inactive
            });
            section.remove_streams();
        }
        SectionRole::Subscribe { stream, track, .. } => {
            if !is_msid_id(stream) || !is_msid_id(track) {
                return Err(EditSdpError::BadId(mid));
            }
            section.set_direction(Direction::SendOnly);
            section.set_msid(stream, track);
        }
        SectionRole::Inactive => {
            section.set_direction(Direction::Inactive);
            section.remove_streams();
        }
        SectionRole::Keep => {}
    }
    Ok(())
}

/// One to 64 token characters (RFC 8830 §2, RFC 8866 §9): part of a stream's id comes from the
/// client and must not be able to open a new line.
fn is_msid_id(id: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    (1..=MAX_MSID_ID_BYTES).contains(&id.len()) && id.bytes().all(is_token)
}

/// RFC 8830 §2: `msid-id = 1*64token-char`.
const MAX_MSID_ID_BYTES: usize = 64;

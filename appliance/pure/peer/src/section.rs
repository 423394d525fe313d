//! The media sections of a transport, as negotiated.

use crate::codec::{PayloadTypes, codec_of};
use crate::extension::dependency_descriptor;
use egress::{ExtensionIds, PayloadType};
use media::{Codec, Kind, Mid};
use str0m::Rtc;
use str0m::media::{Media, Mid as RtcMid};
use str0m::rtp::{Extension, ExtensionMap};

/// One media section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) rtc_mid: RtcMid,
    pub(crate) kind: Kind,
}

/// All sections and the payload types they share.
#[derive(Debug)]
pub(crate) struct Sections {
    list: Vec<Section>,
    pub(crate) types: PayloadTypes,
}

impl Sections {
    pub(crate) fn none() -> Self {
        Self {
            list: Vec::new(),
            types: PayloadTypes::none(),
        }
    }

    pub(crate) fn find(&self, mid: Mid) -> Option<&Section> {
        self.list.iter().find(|section| section.mid == mid)
    }

    pub(crate) fn all(&self) -> &[Section] {
        &self.list
    }

    /// Reads what a negotiation left behind. `described` are the sections of the session
    /// descriptions in hand, in order.
    pub(crate) fn refresh(&mut self, rtc: &Rtc, described: &[(Kind, Mid)]) {
        self.types.read(rtc.codec_config());
        for (kind, mid) in described {
            let rtc_mid = RtcMid::from(mid.as_str());
            if self.find(*mid).is_none() && rtc.media(rtc_mid).is_some() {
                self.list.push(Section {
                    mid: *mid,
                    rtc_mid,
                    kind: *kind,
                });
            }
        }
    }
}

/// The client's payload types of one section, in its order of preference.
pub(crate) fn payload_types(rtc: &Rtc, media: &Media) -> Vec<PayloadType> {
    let params = rtc.codec_config().params();
    let mut list = Vec::new();
    for pt in media.remote_pts() {
        let Some(params) = params.iter().find(|params| params.pt() == *pt) else {
            continue;
        };
        list.extend(codec_of(params).map(|codec| PayloadType {
            codec,
            pt: **pt,
            rtx: params.resend().map(|rtx| *rtx),
        }));
        list.extend(params.red().map(|red| PayloadType {
            codec: Codec::Red,
            pt: *red,
            rtx: None,
        }));
    }
    list
}

/// The client's numbers for the header extensions we write.
pub(crate) fn extension_ids(map: &ExtensionMap) -> ExtensionIds {
    ExtensionIds {
        mid: map.id_of(Extension::RtpMid),
        transport_cc: map.id_of(Extension::TransportSequenceNumber),
        abs_send_time: map.id_of(Extension::AbsoluteSendTime),
        audio_level: map.id_of(Extension::AudioLevel),
        video_orientation: map.id_of(Extension::VideoOrientation),
        dependency_descriptor: map.id_of(dependency_descriptor()),
    }
}

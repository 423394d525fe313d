//! The media sections of a transport, as negotiated.

use crate::codec::{PayloadTypes, codec_of, fitness};
use crate::continuity::Continuity;
use crate::extension::dependency_descriptor;
use media::{Codec, Kind, Mid};
use std::time::Duration;
use str0m::Rtc;
use str0m::media::{Media, Mid as RtcMid, Pt};
use str0m::rtp::Ssrc;

/// Packets a section remembers for retransmission: 1.9 s of 2.7 Mbit/s, the age limit below at
/// most rates. str0m spends 0.5 KB per slot.
pub(crate) const RTX_CACHE_PACKETS: usize = 512;
/// A packet older than this is of no use to a viewer: its frame is past.
const RTX_CACHE_AGE: Duration = Duration::from_secs(2);
/// Retransmissions may take half of what a section sends in a second, that is, as much as its
/// media. 30 % loss needs 0.30 (1 − 1/(1 + p/(1 − p))); str0m's own 0.15 starves a viewer from
/// 20 % loss on (`reliability.md` F5). Without any cap a client that asks for every packet again
/// and again multiplies the box's traffic (A5); the pacer, fed by the bandwidth estimate, holds
/// both to what the path takes.
const RTX_RATIO: f32 = 0.5;

/// One media section.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) rtc_mid: RtcMid,
    pub(crate) kind: Kind,
    /// Where we send, once negotiated.
    pub(crate) ssrc: Option<Ssrc>,
    /// False while the section is inactive or receives only.
    pub(crate) sending: bool,
    /// The client reads dependency descriptors here.
    pub(crate) describes: bool,
    pub(crate) continuity: Continuity,
    payload_types: Vec<(Codec, Pt)>,
}

impl Section {
    /// The client's payload type for this codec.
    pub(crate) fn payload_type(&self, codec: Codec) -> Option<Pt> {
        self.payload_types
            .iter()
            .filter_map(|(theirs, pt)| Some((fitness(codec, *theirs)?, *pt)))
            .max_by_key(|(fitness, _)| *fitness)
            .map(|(_, pt)| pt)
    }
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

    pub(crate) fn find(&mut self, mid: Mid) -> Option<&mut Section> {
        self.list.iter_mut().find(|section| section.mid == mid)
    }

    /// Gives the section a new stream under SSRCs that no other stream has. str0m's own reset keeps
    /// the old SSRC as the key that packets and feedback are looked up by.
    pub(crate) fn renew(&mut self, rtc: &mut Rtc, mid: Mid) {
        let Some(section) = self.find(mid) else {
            return;
        };
        let mut direct = rtc.direct_api();
        let Some(old) = direct.stream_tx_by_mid(section.rtc_mid, None) else {
            return;
        };
        let (ssrc, is_resent) = (old.ssrc(), old.rtx().is_some());
        direct.remove_stream_tx(ssrc);
        let (new, resent) = (direct.new_ssrc(), direct.new_ssrc());
        direct.declare_stream_tx(new, is_resent.then_some(resent), section.rtc_mid, None);
        section.adopt_stream(rtc);
    }

    /// Reads what a negotiation left behind. `described` are the sections of the session
    /// description in force, in order.
    pub(crate) fn refresh(&mut self, rtc: &mut Rtc, described: &[(Kind, Mid)]) {
        self.types.read(rtc.codec_config());
        let known = self.list.iter().map(|section| (section.kind, section.mid));
        let mut all: Vec<(Kind, Mid)> = known.collect();
        all.extend(
            described
                .iter()
                .filter(|new| self.list.iter().all(|s| s.mid != new.1)),
        );
        for (kind, mid) in &all {
            let rtc_mid = RtcMid::from(mid.as_str());
            if let Some(media) = rtc.media(rtc_mid) {
                let payload_types = payload_types(rtc, media);
                let sending = media.direction().is_sending() && !media.disabled();
                let describes = media
                    .remote_extmap()
                    .id_of(dependency_descriptor())
                    .is_some();
                let section = self.entry(*mid, rtc_mid, *kind);
                section.payload_types = payload_types;
                section.sending = sending;
                section.describes = describes;
                section.adopt_stream(rtc);
            }
        }
    }

    fn entry(&mut self, mid: Mid, rtc_mid: RtcMid, kind: Kind) -> &mut Section {
        let place = self.list.iter().position(|section| section.mid == mid);
        let place = place.unwrap_or_else(|| {
            self.list.push(Section {
                mid,
                rtc_mid,
                kind,
                ssrc: None,
                sending: false,
                describes: false,
                continuity: Continuity::default(),
                payload_types: Vec::new(),
            });
            self.list.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place was just found or made")]
        &mut self.list[place]
    }
}

impl Section {
    /// Takes note of str0m's send stream and sizes its cache. Setting the cache empties it, so
    /// only a new stream is touched.
    fn adopt_stream(&mut self, rtc: &mut Rtc) {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(self.rtc_mid, None) else {
            self.ssrc = None;
            return;
        };
        if self.ssrc == Some(stream.ssrc()) {
            return;
        }
        self.ssrc = Some(stream.ssrc());
        self.continuity = Continuity::default();
        if self.kind == Kind::Video {
            stream.set_rtx_cache(RTX_CACHE_PACKETS, RTX_CACHE_AGE, Some(RTX_RATIO));
        }
    }
}

/// The client's payload types of one section, in its order of preference.
fn payload_types(rtc: &Rtc, media: &Media) -> Vec<(Codec, Pt)> {
    let params = rtc.codec_config().params();
    let mut list = Vec::new();
    for pt in media.remote_pts() {
        let Some(params) = params.iter().find(|params| params.pt() == *pt) else {
            continue;
        };
        list.extend(codec_of(params).map(|codec| (codec, *pt)));
        list.extend(params.red().map(|red| (Codec::Red, red)));
    }
    list
}

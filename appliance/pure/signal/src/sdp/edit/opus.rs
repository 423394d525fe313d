//! Opus parameters: one line per payload type for the whole bundle.
//!
//! A bundled payload type has the same meaning, parameters included, in every section
//! (RFC 8843 §9.1.1), so what the sections want is joined first and then written everywhere.

use super::{SectionPlan, SectionRole};
use crate::sdp::{Description, SectionKind};

/// Stereo music at full quality (RFC 7587 §6.1: at most 510,000 bit/s). It is a ceiling: the
/// client's own encoding parameters choose below it.
const STEREO_BITRATE: &str = "510000";

/// The parameters that are ours to decide; others stay as str0m wrote them.
const OURS: [&str; 4] = ["usedtx", "stereo", "maxaveragebitrate", "sprop-stereo"];

#[derive(Default)]
struct Wishes {
    publishers: bool,
    stereo: bool,
    no_dtx: bool,
    sends_stereo: bool,
}

/// Writes the joined parameters into every section that has Opus. Stereo holds for all when one
/// track is stereo; silence is left out only when every track allows it, since leaving it out
/// harms music and keeping it costs some bytes.
pub(super) fn unify(description: &mut Description, plans: &[SectionPlan]) {
    let wishes = join(description, plans);
    let audio = description
        .sections
        .iter_mut()
        .filter(|s| s.kind() == SectionKind::Audio);
    for section in audio.filter(|s| !s.is_rejected()) {
        let lines: Vec<(u8, String)> = section
            .formats()
            .iter()
            .filter(|format| format.is("opus"))
            .map(|format| {
                (
                    format.payload_type,
                    wishes.apply(format.parameters.unwrap_or("")),
                )
            })
            .collect();
        for (payload_type, parameters) in lines {
            section.set_parameters(payload_type, &parameters);
        }
    }
}

fn join(description: &Description, plans: &[SectionPlan]) -> Wishes {
    let mut wishes = Wishes::default();
    for plan in plans {
        let section = description.section(plan.mid);
        if section.is_none_or(|s| s.kind() != SectionKind::Audio || s.is_rejected()) {
            continue;
        }
        match &plan.role {
            SectionRole::Publish { stereo, dtx, .. } => {
                wishes.publishers = true;
                wishes.stereo |= *stereo;
                wishes.no_dtx |= !*dtx;
            }
            SectionRole::Subscribe { stereo, .. } => wishes.sends_stereo |= *stereo,
            SectionRole::Inactive | SectionRole::Keep => {}
        }
    }
    wishes
}

impl Wishes {
    fn apply(&self, written: &str) -> String {
        let is_ours = |pair: &&str| {
            let key = pair.split('=').next().unwrap_or_default().trim();
            OURS.iter().any(|ours| key.eq_ignore_ascii_case(ours))
        };
        let kept = written
            .split(';')
            .map(str::trim)
            .filter(|p| !p.is_empty() && !is_ours(p));
        let mut pairs: Vec<String> = kept.map(str::to_owned).collect();
        if self.publishers && !self.no_dtx {
            pairs.push("usedtx=1".to_owned());
        }
        if self.stereo {
            pairs.push("stereo=1".to_owned());
            pairs.push(format!("maxaveragebitrate={STEREO_BITRATE}"));
        }
        if self.sends_stereo {
            pairs.push("sprop-stereo=1".to_owned());
        }
        pairs.join(";")
    }
}

//! Whatever the plan, only its lines change.

use crate::edit::{STREAM, TRACK, answer_to};
use crate::fixtures::{self, FIXTURES, fixed, offers};
use proptest::prelude::*;
use ringward_signal::sdp::{
    Description, Section, SectionPlan, SectionRole, edit_answer, edit_offer,
};
use std::collections::BTreeMap;
use str0m::change::SdpAnswer;

fn role() -> impl Strategy<Value = SectionRole> {
    let codec = prop::sample::select(vec![
        None,
        Some("video/VP8".to_owned()),
        Some("video/VP9".to_owned()),
        Some("video/AV1".to_owned()),
        Some("audio/opus".to_owned()),
        Some("audio/red".to_owned()),
        Some(String::new()),
    ]);
    prop_oneof![
        (codec, any::<[bool; 3]>()).prop_map(|(first_codec, [red, stereo, dtx])| {
            SectionRole::Publish {
                first_codec,
                red,
                stereo,
                dtx,
            }
        }),
        any::<bool>().prop_map(|stereo| SectionRole::Subscribe {
            stream: STREAM.into(),
            track: TRACK.into(),
            stereo,
        }),
        Just(SectionRole::Inactive),
        Just(SectionRole::Keep),
    ]
}

/// Lines that an edit may touch, by their beginning.
const EDITED: [&str; 10] = [
    "m=",
    "a=msid:",
    "a=msid-semantic:",
    "a=ssrc:",
    "a=ssrc-group:",
    "a=sendrecv",
    "a=sendonly",
    "a=recvonly",
    "a=inactive",
    "a=fmtp:",
];

fn untouched(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !EDITED.iter().any(|start| line.starts_with(start)))
        .collect()
}

/// Each section's `m=` line up to the formats, and its formats sorted.
fn media_lines(text: &str) -> Vec<(String, Vec<String>)> {
    let of = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let mut formats = words[3..].to_vec();
        formats.sort();
        (words[..3].join(" "), formats)
    };
    text.lines()
        .filter(|line| line.starts_with("m="))
        .map(of)
        .collect()
}

proptest! {
    #![proptest_config(fixed(33, 300))]

    #[test]
    fn whatever_the_plan_only_its_lines_change(
        which in 0_usize..6,
        roles in prop::collection::vec(role(), 9),
    ) {
        let (_, offer) = offers().nth(which).unwrap();
        let answer = answer_to(offer);
        let offered = Description::parse(offer).unwrap();
        let plans: Vec<SectionPlan> = offered
            .sections()
            .iter()
            .zip(roles)
            .filter(|(section, role)| {
                !matches!(role, SectionRole::Subscribe { .. }) || section.direction().receives()
            })
            .map(|(section, role)| SectionPlan { mid: section.mid().unwrap(), role })
            .collect();
        let text = edit_answer(&answer, offer, &plans).unwrap();

        prop_assert_eq!(untouched(&text), untouched(&answer));
        prop_assert_eq!(media_lines(&text), media_lines(&answer));
        prop_assert!(SdpAnswer::from_sdp_string(&text).is_ok());
        prop_assert_eq!(&edit_answer(&text, offer, &plans).unwrap(), &text, "editing twice is once");
        let mut parameters: BTreeMap<u8, Option<&str>> = BTreeMap::new();
        let description = Description::parse(&text).unwrap();
        for section in description.sections() {
            for format in section.formats() {
                let known = parameters.entry(format.payload_type).or_insert(format.parameters);
                prop_assert_eq!(*known, format.parameters, "PT {}", format.payload_type);
            }
        }
    }

    #[test]
    fn fuzz_editing_spoiled_texts_never_panics(
        which in 0..FIXTURES.len(),
        changes in prop::collection::vec(fixtures::change(), 0..6),
        roles in prop::collection::vec(role(), 9),
    ) {
        let text = fixtures::changed(FIXTURES[which].1, &changes);
        if let Ok(description) = Description::parse(&text) {
            let mids = description.sections().iter().filter_map(Section::mid);
            let plans: Vec<SectionPlan> =
                mids.zip(roles).map(|(mid, role)| SectionPlan { mid, role }).collect();
            if let Ok(edited) = edit_offer(&text, &plans) {
                prop_assert!(Description::parse(&edited).is_ok());
            }
            let _ = edit_answer(&text, &text, &plans);
        }
    }
}

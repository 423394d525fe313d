//! Speakers and connection quality as the control plane hears of them.

use super::stage::{ANA, BEN, CARA, Stage, mid, peer};
use crate::packet::LossReport;
use crate::plane::{Quality, Speaker};
use crate::quality::{LOST_AFTER, QUALITY_INTERVAL, SILENCE_INTERVAL};
use crate::speakers::SPEAKER_INTERVAL;
use crate::{Kind, MediaEvent};
use std::time::Duration;
use vocab::ParticipantKey;

fn speak(stage: &mut Stage, level: u8, packets: u32) {
    for _ in 0..packets {
        let mut packet = stage.packet(1, None, false);
        packet.extensions.audio_level = Some(level);
        packet.timestamp = packet.sequence as u32 * 960;
        stage.deliver(ANA, &packet);
        stage.advance(Duration::from_millis(20));
    }
}

fn speakers(stage: &Stage) -> Vec<Speaker> {
    let reports = stage.events().filter_map(|event| match event {
        MediaEvent::SpeakersChanged { changed, .. } => Some(changed.clone()),
        _ => None,
    });
    reports.flatten().collect()
}

fn qualities(stage: &Stage, participant: u64) -> Vec<Quality> {
    let changes = stage.events().filter_map(|event| match event {
        MediaEvent::QualityChanged {
            participant: who,
            quality,
            ..
        } if *who == ParticipantKey(participant) => Some(*quality),
        _ => None,
    });
    changes.collect()
}

#[test]
fn a_speaker_is_told_when_it_starts_and_when_it_stops() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    speak(&mut stage, 127, 100);
    assert_eq!(speakers(&stage), []);
    speak(&mut stage, 20, 200);
    let told = speakers(&stage);
    assert!(
        told.iter()
            .all(|s| s.active && s.participant == ParticipantKey(ANA)),
        "{told:?}"
    );
    assert!(
        (1..=2).contains(&told.len()),
        "a steady voice is no news: {told:?}"
    );
    stage.forget();
    stage.mute(1, true);
    stage.advance(SPEAKER_INTERVAL);
    let silent = Speaker {
        participant: ParticipantKey(ANA),
        level: 0.0,
        active: false,
    };
    assert_eq!(speakers(&stage), [silent]);
}

#[test]
fn a_speaker_who_unpublishes_stops_speaking() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Audio);
    speak(&mut stage, 20, 100);
    stage.forget();
    stage.command(crate::MediaCommand::UnpublishTrack {
        room: super::stage::ROOM,
        track: vocab::TrackKey(1),
    });
    stage.advance(Duration::from_secs(1));
    assert_eq!(speakers(&stage).len(), 1);
    assert!(!speakers(&stage)[0].active);
}

#[test]
fn loss_on_either_side_lowers_a_participants_quality() {
    let mut stage = Stage::new();
    stage.publish(ANA, 1, Kind::Video);
    stage.subscribe(BEN, 1);
    for (who, section) in [(ANA, 1), (BEN, 51)] {
        for _ in 0..20 {
            let report = LossReport {
                mid: mid(section),
                fraction_lost: 0.2,
                round_trip: None,
            };
            stage.room.handle_loss_report(peer(who), report, stage.now);
            stage.advance(Duration::from_secs(1));
        }
    }
    assert!(qualities(&stage, ANA).contains(&Quality::Poor));
    assert!(qualities(&stage, BEN).contains(&Quality::Poor));
    assert_eq!(qualities(&stage, CARA), [Quality::Excellent]);
}

#[test]
fn a_muted_publisher_is_never_lost_and_a_silent_one_is() {
    for (muted, want) in [(true, &[Quality::Excellent][..]), (false, &[Quality::Lost])] {
        let mut stage = Stage::new();
        stage.publish(ANA, 1, Kind::Audio);
        stage.subscribe(BEN, 1);
        stage.send(ANA, 1, None, false);
        stage.mute(1, muted);
        stage.advance(LOST_AFTER + 2 * QUALITY_INTERVAL);
        assert_eq!(qualities(&stage, ANA), want, "muted: {muted}");
    }
}

#[test]
fn who_falls_silent_is_lost_within_a_second_and_checks_of_its_path_keep_it() {
    for (checks, want) in [
        (false, &[Quality::Excellent, Quality::Lost][..]),
        (true, &[Quality::Excellent]),
    ] {
        let mut stage = Stage::new();
        stage.publish(ANA, 1, Kind::Audio);
        stage.subscribe(BEN, 1);
        // Judged at 5, 10 and 15 s: what is told at 12 s is told between.
        for _ in 0..75 {
            stage.send(ANA, 1, None, false);
            stage.advance(Duration::from_millis(100));
        }
        assert_eq!(qualities(&stage, ANA), [Quality::Excellent]);
        for _ in 0..(LOST_AFTER + SILENCE_INTERVAL).as_secs() {
            if checks {
                stage.room.handle_heard(peer(ANA), stage.now);
            }
            stage.advance(Duration::from_secs(1));
        }
        assert_eq!(qualities(&stage, ANA), want, "checks: {checks}");
    }
}

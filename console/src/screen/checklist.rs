//! A device's checklist: what the box knows of it now, what of that is wrong, and what to try.

use crate::look::{Look, Tone};
use crate::model::Model;
use crate::pen::Pen;
use crate::rows::path_word;
use crate::screen::devices::{LOSS_PERMILLE, SILENT_MS};
use crate::station::{Fresh, Seen};
use crate::text;
use wire::admin::{LiveParticipant, Path, Priority};

/// How a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Pass,
    Warn,
    Fail,
    /// Nobody tells this box.
    Skip,
    /// It was told too long ago.
    Stale,
}

/// One step: its mark, what was seen, and what to try where it fails.
type Step = (Mark, String, &'static str);

/// Draws the checklist of the device under the cursor.
pub(super) fn draw(model: &Model, seen: &Seen, fresh: Fresh, pen: &mut Pen) {
    let name = model.person(&seen.who.identity, &seen.who.role);
    pen.rule(&format!("CHECKLIST {}", text::cut(&name, 24)), "");
    let steps = steps(&seen.who, fresh);
    for (mark, seen, _) in &steps {
        let tone = match mark {
            Mark::Pass => Tone::Plain,
            Mark::Skip | Mark::Stale => Tone::Dim,
            Mark::Warn => Look::tone(Priority::Low),
            Mark::Fail => Look::tone(Priority::Medium),
        };
        let line = format!("{:<6}{seen}", word(*mark));
        pen.row(&[(tone, text::cut(&line, pen.width()))]);
    }
    let failed = steps.iter().find(|(mark, ..)| *mark == Mark::Fail);
    let warned = steps.iter().find(|(mark, ..)| *mark == Mark::Warn);
    if let Some((.., advice)) = failed.or(warned) {
        pen.paragraph(Tone::Strong, "TRY   ", advice);
    }
    pen.skip();
}

fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Pass => "PASS",
        Mark::Warn => "WARN",
        Mark::Fail => "FAIL",
        Mark::Skip => "SKIP",
        Mark::Stale => "STALE",
    }
}

fn steps(who: &LiveParticipant, fresh: Fresh) -> Vec<Step> {
    let mut steps = vec![link(who), data(who), loss(who), tracks(who)];
    if fresh == Fresh::Unknown {
        for (mark, ..) in &mut steps {
            *mark = Mark::Stale;
        }
    }
    let unknown = "certificate, firmware, calibration, self-test: not told to this box";
    steps.push((Mark::Skip, unknown.to_owned(), ""));
    steps
}

fn link(who: &LiveParticipant) -> Step {
    let path = format!("link {}", path_word(who.path));
    match who.path {
        Path::Udp => (Mark::Pass, path, ""),
        Path::Tcp | Path::TurnTls => (
            Mark::Warn,
            format!("{path}: UDP does not get through"),
            "d says what the network team has to open",
        ),
        Path::None => (
            Mark::Fail,
            format!("{path}: {}", who.state),
            "look at its cable or radio, then d: why it cannot connect",
        ),
    }
}

fn data(who: &LiveParticipant) -> Step {
    let limit = text::span(SILENT_MS);
    match who.silent_ms {
        Some(ms) if ms > SILENT_MS => (
            Mark::Fail,
            format!("data none for {} (limit {limit})", text::span(ms)),
            "reseat the probe, swap its cable, switch it off and on; then whoever owns it",
        ),
        Some(ms) => (
            Mark::Pass,
            format!("data {} ago (limit {limit})", text::span(ms)),
            "",
        ),
        None => (Mark::Skip, "data: nothing counted yet".to_owned(), ""),
    }
}

fn loss(who: &LiveParticipant) -> Step {
    let limit = text::permille(LOSS_PERMILLE);
    match who.loss_permille {
        Some(loss) if loss >= LOSS_PERMILLE => (
            Mark::Fail,
            format!("loss {} (limit {limit})", text::permille(loss)),
            "move it closer to the access point or onto a cable; D shows its subnet",
        ),
        Some(loss) => (
            Mark::Pass,
            format!("loss {} (limit {limit})", text::permille(loss)),
            "",
        ),
        None => (Mark::Skip, "loss: nothing counted yet".to_owned(), ""),
    }
}

fn tracks(who: &LiveParticipant) -> Step {
    let muted = who.tracks.iter().filter(|track| track.muted).count();
    let many = who.tracks.len();
    match (many, muted) {
        (0, _) => (
            Mark::Warn,
            "sends: nothing is published".to_owned(),
            "start the examination on the device",
        ),
        (_, 1..) => (
            Mark::Warn,
            format!("sends {many} tracks, {muted} muted"),
            "unmute it on the device",
        ),
        (_, 0) => (
            Mark::Pass,
            format!("sends {many} tracks, {} kbit/s", who.up_kbps),
            "",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn marks(change: impl Fn(&mut LiveParticipant), fresh: Fresh) -> Vec<Mark> {
        let detail = sample::detail();
        let device = detail.participants.iter().find(|who| who.role == "device");
        let mut who = device.expect("a device").clone();
        (who.path, who.silent_ms, who.loss_permille) = (Path::Udp, Some(10), Some(0));
        who.tracks.iter_mut().for_each(|track| track.muted = false);
        change(&mut who);
        let steps = steps(&who, fresh).into_iter();
        steps.map(|(mark, ..)| mark).take(4).collect()
    }

    #[test]
    fn each_step_has_its_own_mark() {
        use Mark::{Fail, Pass, Skip, Stale, Warn};
        let fresh = Fresh::Live;
        assert_eq!(marks(|_| {}, fresh), [Pass; 4]);
        assert_eq!(
            marks(|who| who.path = Path::Tcp, fresh),
            [Warn, Pass, Pass, Pass]
        );
        assert_eq!(marks(|who| who.path = Path::None, fresh)[0], Fail);
        assert_eq!(marks(|who| who.silent_ms = Some(SILENT_MS), fresh)[1], Pass);
        assert_eq!(
            marks(|who| who.silent_ms = Some(SILENT_MS + 1), fresh)[1],
            Fail
        );
        assert_eq!(marks(|who| who.silent_ms = None, fresh)[1], Skip);
        assert_eq!(marks(|who| who.loss_permille = Some(49), fresh)[2], Pass);
        assert_eq!(marks(|who| who.loss_permille = Some(50), fresh)[2], Fail);
        assert_eq!(marks(|who| who.tracks[0].muted = true, fresh)[3], Warn);
        assert_eq!(marks(|who| who.tracks.clear(), fresh)[3], Warn);
        assert_eq!(marks(|_| {}, Fresh::Unknown), [Stale; 4]);
    }
}

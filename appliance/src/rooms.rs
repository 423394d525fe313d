//! `ringward rooms` and `ringward room`: the rooms that live now, and one with everybody in it.

use crate::admin::{Admin, block_on};
use crate::cli::{RoomArguments, RoomsArguments};
use crate::grade::Grade;
use crate::shown::{age, kbps, or_dash, percent};
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};
use vocab::DisplayText;
use wire::admin::{LiveParticipant, LiveRoom, LiveTrack, Path, RoomDetail};

/// A room that is only empty needs nobody.
const HARMLESS: &str = "empty";

/// Prints a table, or one JSON object per line.
pub(crate) fn list(arguments: &RoomsArguments) -> Result<Grade> {
    let rooms: Vec<LiveRoom> = block_on(async {
        Ok(serde_json::from_value(
            Admin::at(&arguments.at)?.get("/admin/rooms", &[]).await?,
        )?)
    })?;
    let mut out = std::io::stdout().lock();
    if arguments.at.json {
        for room in &rooms {
            writeln!(out, "{}", serde_json::to_string(room)?)?;
        }
    } else {
        write!(out, "{}", table(&rooms, now_ms()))?;
    }
    Ok(rooms.iter().map(grade).max().unwrap_or(Grade::Fine))
}

/// Prints one room with everybody in it.
pub(crate) fn one(arguments: &RoomArguments) -> Result<Grade> {
    let detail: RoomDetail = block_on(async {
        let path = format!("/admin/rooms/{}", path_segment(&arguments.room));
        Ok(serde_json::from_value(
            Admin::at(&arguments.at)?.get(&path, &[]).await?,
        )?)
    })?;
    let mut out = std::io::stdout().lock();
    if arguments.at.json {
        writeln!(out, "{}", serde_json::to_string(&detail)?)?;
    } else {
        write!(out, "{}", sheet(&detail, now_ms()))?;
    }
    Ok(grade(&detail.room))
}

fn grade(room: &LiveRoom) -> Grade {
    if room.flags.iter().any(|flag| flag != HARMLESS) {
        Grade::Warning
    } else {
        Grade::Fine
    }
}

fn table(rooms: &[LiveRoom], now_ms: u64) -> String {
    let mut text = format!(
        "{:<15} {:<24} {:>7} {:>4} {:>4} {:>4} {:<4} {:>6} {:>5}  FLAGS\n",
        "SID", "ROOM", "AGE", "PPL", "DEV", "WAIT", "PATH", "LOSS", "RTT"
    );
    for room in rooms {
        text.push_str(&line(room, now_ms));
    }
    text
}

fn line(room: &LiveRoom, now_ms: u64) -> String {
    let mut flags: Vec<String> = room.flags.clone();
    flags.extend(room.locked.then(|| "locked".to_owned()));
    flags.extend(room.hold.then(|| "hold".to_owned()));
    flags.extend(room.end_requests.first().map(|_| "end?".to_owned()));
    flags.extend(room.recording.then(|| "rec".to_owned()));
    flags.extend(room.alarm.clone());
    let flags: Vec<String> = flags
        .iter()
        .map(|f| DisplayText::new(f).to_string())
        .collect();
    let text = format!(
        "{:<15} {:<24.24} {:>7} {:>4} {:>4} {:>4} {:<4} {:>6} {:>5}  {}",
        DisplayText::new(&room.sid),
        DisplayText::new(&room.name),
        age(now_ms.saturating_sub(room.created_at_ms)),
        room.people,
        room.devices,
        room.waiting,
        or_dash(room.path.map(path_word)),
        or_dash(room.loss_permille.map(percent)),
        or_dash(room.rtt_ms),
        flags.join(" "),
    );
    format!("{}\n", text.trim_end())
}

fn sheet(detail: &RoomDetail, now_ms: u64) -> String {
    let mut text = table(std::slice::from_ref(&detail.room), now_ms);
    // Writing to a String cannot fail.
    for request in &detail.room.end_requests {
        let (by, sid) = (
            DisplayText::new(&request.by),
            DisplayText::new(&request.sid),
        );
        let until = crate::moment::text(request.until_ms);
        let _ = writeln!(
            text,
            "{by} asks to end {sid}; until {until} somebody else may: `ringward end {sid}`"
        );
    }
    let _ = writeln!(
        text,
        "\n{:<15} {:<20} {:<9} {:<4} {:>6}/{:<6} {:>6} {:>4} {:>5}  {:<9} {:>6}  PUBLISHES",
        "SID", "PARTICIPANT", "ROLE", "PATH", "UP", "DOWN", "LOSS", "JIT", "RTT", "QUALITY", "LAST"
    );
    for one in &detail.participants {
        let _ = writeln!(text, "{}", participant(one).trim_end());
    }
    text
}

fn participant(one: &LiveParticipant) -> String {
    let tracks: Vec<String> = one.tracks.iter().map(track).collect();
    format!(
        "{:<15} {:<20.20} {:<9} {:<4} {:>6}/{:<6} {:>6} {:>4} {:>5}  {:<9} {:>6}  {}",
        DisplayText::new(&one.sid),
        DisplayText::new(&one.identity),
        DisplayText::new(&one.role),
        path_word(one.path),
        kbps(one.up_kbps),
        kbps(one.down_kbps),
        or_dash(one.loss_permille.map(percent)),
        or_dash(one.jitter_ms),
        or_dash(one.rtt_ms),
        or_dash(quality(one).map(DisplayText::new)),
        or_dash(one.silent_ms.map(age)),
        tracks.join(", "),
    )
}

/// How its connection is; of who waits, that it does.
fn quality(one: &LiveParticipant) -> Option<&str> {
    let waits = Some(one.state.as_str()).filter(|state| *state == "waiting");
    waits.or(one.quality.as_deref())
}

fn track(track: &LiveTrack) -> String {
    let muted = if track.muted { " (muted)" } else { "" };
    let size = match (track.width, track.height) {
        (0, _) | (_, 0) => String::new(),
        (width, height) => format!(" {width}x{height}"),
    };
    format!("{}{size}{muted}", DisplayText::new(&track.source))
}

fn path_word(path: Path) -> &'static str {
    match path {
        Path::Udp => "udp",
        Path::Tcp => "tcp",
        Path::TurnTls => "tls",
        Path::None => "-",
    }
}

/// A room's name may hold anything; in a path it is escaped.
fn path_segment(name: &str) -> String {
    name.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> LiveRoom {
        LiveRoom {
            sid: "RM_123456789012".to_owned(),
            name: "ward\u{1b}[2J-3".to_owned(),
            created_at_ms: 0,
            people: 2,
            devices: 1,
            waiting: 0,
            path: Some(Path::Udp),
            loss_permille: Some(32),
            rtt_ms: Some(92),
            recording: false,
            hold: false,
            locked: true,
            alarm: Some("LOSS:10.30.0.0/24".to_owned()),
            flags: vec!["poor".to_owned()],
            ward: None,
            end_requests: Vec::new(),
            card_holders: Vec::new(),
        }
    }

    #[test]
    fn columns_stand_under_their_headings_and_nothing_hostile_is_shown() {
        let shown = table(&[room()], 4_200_000);
        let mut lines = shown.lines();
        let (head, line) = (lines.next().unwrap(), lines.next().unwrap());
        assert_eq!(
            line,
            "RM_123456789012 ward\u{fffd}[2J-3                 01:10    2    1    0 udp    3.2%    92  poor locked LOSS:10.30.0.0/24"
        );
        for (heading, value) in [("PPL", "   2"), ("LOSS", "3.2%"), ("RTT", " 92")] {
            let end = head.find(heading).unwrap() + heading.len();
            let shown: String = line.chars().take(end).collect();
            assert!(shown.ends_with(value), "{heading}: {shown:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        let unknown = LiveRoom {
            path: None,
            loss_permille: None,
            rtt_ms: None,
            flags: vec!["empty".to_owned()],
            locked: false,
            alarm: None,
            ..room()
        };
        let shown = line(&unknown, 0);
        assert!(shown.ends_with("0 -         -     -  empty\n"), "{shown:?}");
        assert_eq!(grade(&unknown), Grade::Fine, "an empty room needs nobody");
        assert_eq!(grade(&room()), Grade::Warning);
    }

    #[test]
    fn a_room_is_shown_with_everybody_in_it() {
        let detail = RoomDetail {
            room: room(),
            participants: vec![LiveParticipant {
                sid: "PA_1".to_owned(),
                identity: "dr\u{202e}4410".to_owned(),
                role: "standard".to_owned(),
                state: "active".to_owned(),
                joined_at_ms: 0,
                path: Path::Tcp,
                up_kbps: 1_800,
                down_kbps: 12,
                loss_permille: Some(2),
                jitter_ms: Some(4),
                rtt_ms: None,
                silent_ms: Some(300),
                quality: Some("good".to_owned()),
                tracks: vec![LiveTrack {
                    sid: "TR_1".to_owned(),
                    source: "camera".to_owned(),
                    kind: "video".to_owned(),
                    mime_type: "video/VP8".to_owned(),
                    muted: true,
                    width: 1_280,
                    height: 720,
                }],
            }],
        };
        let shown = sheet(&detail, 0);
        let last = shown.lines().last().unwrap();
        assert_eq!(
            last,
            "PA_1            dr\u{fffd}4410              standard  tcp    1800/12       0.2%    4     -  good        0.3s  camera 1280x720 (muted)"
        );
    }

    #[test]
    fn a_rooms_name_is_one_segment_of_a_path() {
        assert_eq!(path_segment("ward-3"), "ward-3");
        assert_eq!(path_segment("a/b ü?"), "a%2Fb%20%C3%BC%3F");
    }
}

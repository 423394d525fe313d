//! `ringward why`: why somebody cannot connect, as a funnel.

use crate::admin::{Admin, block_on};
use crate::cli::WhyArguments;
use anyhow::Result;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use vocab::DisplayText;
use wire::admin::{AttemptView, Finding, Grade, Stage, WhyView};

/// Something blocks. For monitoring: 0 is connected, 1 a failed command, 2 a wrong one.
const BLOCKED: u8 = 3;
/// Nobody by that name ever reached the box.
const UNKNOWN: u8 = 4;
/// Too early to say.
const UNDECIDED: u8 = 5;

/// Longest sentence of the box that is shown.
const MAX_SAID: usize = 512;

/// Shows one attempt as a funnel, or a list as a table.
pub(crate) fn run(arguments: &WhyArguments) -> Result<ExitCode> {
    let admin = Admin::at(&arguments.at)?;
    match &arguments.whom {
        Some(whom) if arguments.code.is_none() && arguments.since.is_none() => {
            one(&admin, whom, arguments.at.json)
        }
        whom => list(&admin, whom.as_deref(), arguments),
    }
}

fn one(admin: &Admin, whom: &str, json: bool) -> Result<ExitCode> {
    let path = format!("/admin/why/{}", segment(whom));
    let found = match block_on(admin.find(&path))? {
        Ok(found) => found,
        Err(said) => {
            print(&unknown(whom, &said))?;
            return Ok(ExitCode::from(UNKNOWN));
        }
    };
    let view: WhyView = serde_json::from_value(found)?;
    if json {
        print(&format!("{}\n", serde_json::to_string(&view)?))?;
    } else {
        print(&funnel(&view, &Paint::of_terminal()))?;
    }
    Ok(ExitCode::from(code(&view)))
}

/// Of a session the box says whether it was purged; of anybody else, that they never came.
fn unknown(whom: &str, said: &str) -> String {
    let shown = DisplayText::new(whom);
    if whom.starts_with("RM_") {
        return format!("{shown}: {}\n", DisplayText::up_to(MAX_SAID, said));
    }
    format!(
        "{shown} never reached this box in 30 days.\n NET   check DNS and that TCP from there reaches \
         the box\n"
    )
}

fn list(admin: &Admin, whom: Option<&str>, arguments: &WhyArguments) -> Result<ExitCode> {
    let query: Vec<(&str, String)> = [
        ("subnet", whom.map(str::to_owned)),
        ("code", arguments.code.clone()),
        ("since", arguments.since.map(|at| at.to_string())),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value?)))
    .collect();
    let found: Vec<WhyView> =
        serde_json::from_value(block_on(admin.get("/admin/attempts", &query))?)?;
    let blocked: Vec<&WhyView> = found.iter().filter(|view| view.finding.is_some()).collect();
    let mut text = String::new();
    if !arguments.at.json {
        text = format!("{:<24} {:<24} {:<18} CLIENT\n", "CAUSE", "WHO", "SUBNET");
    }
    for view in &blocked {
        if arguments.at.json {
            writeln!(text, "{}", serde_json::to_string(view)?)?;
        } else {
            writeln!(text, "{}", line(view))?;
        }
    }
    print(&text)?;
    Ok(ExitCode::from(if blocked.is_empty() { 0 } else { BLOCKED }))
}

fn line(view: &WhyView) -> String {
    let attempt = &view.attempt;
    let cause = view.finding.as_ref().map_or("-", |finding| &finding.code);
    format!(
        "{:<24} {:<24} {:<18} {}",
        DisplayText::new(cause),
        DisplayText::new(attempt.identity.as_deref().unwrap_or("-")),
        DisplayText::new(&attempt.subnet),
        DisplayText::new(attempt.client.as_deref().unwrap_or("-")),
    )
}

fn code(view: &WhyView) -> u8 {
    let stages = &view.attempt.stages;
    let is_up =
        |stage: &wire::admin::StageView| stage.stage == Stage::Dtls && stage.grade == Grade::Pass;
    match &view.finding {
        Some(_) => BLOCKED,
        None if stages.iter().any(is_up) => 0,
        None => UNDECIDED,
    }
}

/// The stages one under the other, then cause, sentence and line.
fn funnel(view: &WhyView, paint: &Paint) -> String {
    let mut text = format!(
        "WHY   {}\n",
        headline(&view.attempt, view.finding.as_ref(), code(view))
    );
    for stage in &view.attempt.stages {
        let grade = paint.grade(stage.grade);
        let line = format!(
            " {grade} {:<10} {}",
            name(stage.stage),
            DisplayText::new(&stage.evidence)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if let Some(finding) = &view.finding {
        for (label, said) in [
            ("CAUSE", &finding.code),
            ("SAY", &finding.say),
            ("NET", &finding.network),
        ] {
            text.push_str(&wrapped(label, said));
        }
    }
    for group in &view.groups {
        let value = DisplayText::new(&group.value);
        let said = format!("{} {value}: {} of {}", group.by, group.failed, group.of);
        text.push_str(&wrapped("ALSO", &said));
    }
    text
}

fn headline(attempt: &AttemptView, finding: Option<&Finding>, code: u8) -> String {
    let who = attempt.identity.as_deref().unwrap_or(&attempt.remote);
    let state = match (finding, code) {
        (Some(_), _) => "cannot connect",
        (None, 0) => "is connected",
        (None, _) => "is connecting",
    };
    let mut text = format!("{} {state}", DisplayText::new(who));
    for (label, value) in [
        ("room", attempt.room.as_deref()),
        (
            "from",
            Some(attempt.remote.as_str()).filter(|remote| !remote.is_empty()),
        ),
        ("with", attempt.client.as_deref()),
        ("on", attempt.device.as_deref()),
    ] {
        if let Some(value) = value {
            let _ = write!(text, "  {label} {}", DisplayText::new(value));
        }
    }
    let _ = write!(text, "  {}", DisplayText::new(&attempt.id));
    text
}

/// Columns of a line; a terminal has 80.
const COLUMNS: usize = 79;

/// A label and a text, broken between words.
fn wrapped(label: &str, text: &str) -> String {
    let mut lines = vec![format!(" {label:<5}")];
    for word in text.split_whitespace() {
        let word = DisplayText::new(word);
        let is_full = lines
            .last()
            .is_some_and(|line| line.chars().count() + 1 + word.as_str().chars().count() > COLUMNS);
        if is_full {
            lines.push(" ".repeat(6));
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word.as_str());
        }
    }
    lines.join("\n") + "\n"
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Reach => "tcp",
        Stage::Tls => "tls",
        Stage::Signal => "websocket",
        Stage::Token => "token",
        Stage::Admission => "admission",
        Stage::Codec => "codec",
        Stage::Udp => "udp",
        Stage::Tcp => "ice-tcp",
        Stage::Turn => "turn",
        Stage::Dtls => "dtls",
        Stage::Up => "media up",
        Stage::Down => "media down",
        Stage::Client => "browser",
    }
}

/// Colours, where somebody sees them.
struct Paint {
    colours: bool,
}

impl Paint {
    /// Only on a terminal, and never against <https://no-color.org>.
    fn of_terminal() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colours: std::io::stdout().is_terminal() && !refused,
        }
    }

    /// Word and colour say the same: blue and orange are told apart by everybody.
    fn grade(&self, grade: Grade) -> String {
        let (word, colour) = match grade {
            Grade::Pass => ("PASS", "34"),
            Grade::Warn => ("WARN", "33"),
            Grade::Fail => ("FAIL", "1;38;5;208"),
            Grade::Skip => ("SKIP", "2"),
        };
        if self.colours {
            format!("\u{1b}[{colour}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }
}

/// One segment of a path.
fn segment(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut path, byte| {
        if is_plain(byte) {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::admin::{Group, StageView};

    fn view() -> WhyView {
        let stage = |stage, grade, evidence: &str| StageView {
            stage,
            grade,
            evidence: evidence.to_owned(),
        };
        WhyView {
            attempt: AttemptView {
                id: "CA_abc".to_owned(),
                at_ms: 0,
                identity: Some("pat\u{1b}[2J".to_owned()),
                room: Some("ward".to_owned()),
                sid: None,
                remote: "10.30.0.7:5000".to_owned(),
                subnet: "10.30.0.0/24".to_owned(),
                client: Some("chrome 156".to_owned()),
                device: None,
                stages: vec![
                    stage(Stage::Reach, Grade::Pass, "tcp from 10.30.0.7:5000"),
                    stage(Stage::Tls, Grade::Skip, ""),
                    stage(Stage::Udp, Grade::Fail, "no check reached the box in 4.0 s"),
                ],
            },
            finding: Some(Finding {
                code: "UDP-BLOCKED".to_owned(),
                stage: Stage::Udp,
                evidence: String::new(),
                say: "Your network blocks video calls. Please try another network, for example \
                      mobile data."
                    .to_owned(),
                network: "allow UDP from 10.30.0.0/24 to 10.1.2.3:7882 udp".to_owned(),
            }),
            groups: vec![Group {
                by: "subnet".to_owned(),
                value: "10.30.0.0/24".to_owned(),
                failed: 5,
                of: 6,
            }],
        }
    }

    #[test]
    fn the_funnel_is_drawn_in_eighty_columns_of_ascii() {
        let drawn = funnel(&view(), &Paint { colours: false });
        assert_eq!(
            drawn,
            "WHY   pat\u{FFFD}[2J cannot connect  room ward  from 10.30.0.7:5000  with chrome 156  CA_abc\n \
             PASS tcp        tcp from 10.30.0.7:5000\n \
             SKIP tls\n \
             FAIL udp        no check reached the box in 4.0 s\n \
             CAUSE UDP-BLOCKED\n \
             SAY   Your network blocks video calls. Please try another network, for example\n       \
             mobile data.\n \
             NET   allow UDP from 10.30.0.0/24 to 10.1.2.3:7882 udp\n \
             ALSO  subnet 10.30.0.0/24: 5 of 6\n"
        );
        let coloured = funnel(&view(), &Paint { colours: true });
        assert!(coloured.contains("\u{1b}[1;38;5;208mFAIL\u{1b}[0m udp"));
    }

    #[test]
    fn the_exit_code_tells_a_monitor() {
        let mut view = view();
        assert_eq!(code(&view), BLOCKED);
        view.finding = None;
        assert_eq!(code(&view), UNDECIDED);
        view.attempt.stages[2].stage = Stage::Dtls;
        view.attempt.stages[2].grade = Grade::Pass;
        assert_eq!(code(&view), 0);
    }

    #[test]
    fn whom_is_one_segment_of_the_path() {
        assert_eq!(segment("10.30.0.0/24"), "10.30.0.0%2F24");
        assert_eq!(segment("a b?é"), "a%20b%3F%C3%A9");
    }
}

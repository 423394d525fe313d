//! How things look: colours, marks and glyphs, from what the terminal can do.
//!
//! Neutral ground; colour only for what is abnormal, and never alone: a mark and a word say the
//! same (ISA-101). Blue and orange are told apart by colour-blind people.

use clap::ValueEnum;
use ratatui::style::{Color, Modifier, Style};
use wire::admin::Priority;

/// How many colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colours {
    /// None: bold, underline and reverse only.
    None,
    /// The sixteen every terminal names.
    #[value(name = "16")]
    Sixteen,
    /// The 256 of xterm.
    #[value(name = "256")]
    Many,
}

/// What a piece of text is, apart from how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Data.
    Plain,
    /// Headings of columns, what matters less, what is old.
    Dim,
    /// What an eye should find first.
    Strong,
    /// A rule with its heading.
    Title,
    /// `***`.
    High,
    /// `***` that nobody has acknowledged.
    HighNew,
    /// `**`.
    Medium,
    /// `*`.
    Low,
    /// The first line.
    Strip,
    /// The row under the cursor.
    Cursor,
    /// A banner over everything: frozen, replay, link lost.
    Banner,
}

/// What this terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Colours.
    pub(crate) colours: Colours,
    /// Only ASCII leaves for the terminal.
    pub(crate) ascii: bool,
    /// Nothing is dim; black and white where possible.
    pub(crate) contrast: bool,
    /// `***` that nobody has acknowledged blinks.
    pub(crate) blink: bool,
}

impl Look {
    /// What the environment says about the terminal (`TERM`, `COLORTERM`, `NO_COLOR`, locale).
    pub(crate) fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_else(|| "dumb".to_owned());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .find_map(|name| set(name));
        let utf8 = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        let plain = ["vt100", "vt102", "vt220", "dumb", "ansi-mono"];
        let colours = if set("NO_COLOR").is_some() || plain.iter().any(|t| term.starts_with(t)) {
            Colours::None
        } else if set("COLORTERM").is_some() || term.contains("256") {
            Colours::Many
        } else {
            Colours::Sixteen
        };
        Self {
            colours,
            ascii: !utf8 || term == "linux" || plain.iter().any(|t| term.starts_with(t)),
            contrast: false,
            blink: true,
        }
    }

    /// The style of a tone.
    pub(crate) fn style(self, tone: Tone) -> Style {
        let style = match self.colours {
            Colours::None => mono(tone),
            Colours::Sixteen => sixteen(tone),
            Colours::Many => many(tone),
        };
        let style = if tone == Tone::HighNew && self.blink {
            style.add_modifier(Modifier::SLOW_BLINK)
        } else {
            style
        };
        if self.contrast {
            Self::contrasted(tone, style)
        } else {
            style
        }
    }

    fn contrasted(tone: Tone, style: Style) -> Style {
        match tone {
            Tone::Dim => Style::new(),
            Tone::Medium => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            Tone::Low => style.add_modifier(Modifier::UNDERLINED),
            Tone::Strip | Tone::Cursor | Tone::Banner => {
                Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
            }
            Tone::Plain | Tone::Strong | Tone::Title | Tone::High | Tone::HighNew => style,
        }
    }

    /// The tone of an alarm's priority.
    pub(crate) fn tone(priority: Priority) -> Tone {
        match priority {
            Priority::High => Tone::High,
            Priority::Medium => Tone::Medium,
            Priority::Low => Tone::Low,
        }
    }

    /// One column of a curve, `value` of `most`.
    pub(crate) fn bar(self, value: u64, most: u64) -> char {
        const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        const MARKS: [char; 9] = [' ', '.', ':', '-', '=', '+', '*', '#', '#'];
        let step = if most == 0 {
            0
        } else {
            (value * 8).div_ceil(most).min(8)
        };
        let glyphs = if self.ascii { MARKS } else { BLOCKS };
        glyphs.get(step as usize).copied().unwrap_or(' ')
    }

    /// The line a heading stands on.
    pub(crate) fn rule(self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    /// What stands between two panes.
    pub(crate) fn wall(self) -> &'static str {
        if self.ascii { "|" } else { "│" }
    }
}

/// `***`, `**`, `*`.
pub(crate) fn mark(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "***",
        Priority::Medium => "**",
        Priority::Low => "*",
    }
}

fn mono(tone: Tone) -> Style {
    let plain = Style::new();
    match tone {
        Tone::Plain | Tone::Dim | Tone::Low => plain,
        Tone::Strong | Tone::Title | Tone::Medium => plain.add_modifier(Modifier::BOLD),
        Tone::High | Tone::HighNew | Tone::Strip | Tone::Cursor => {
            plain.add_modifier(Modifier::REVERSED)
        }
        Tone::Banner => plain.add_modifier(Modifier::REVERSED | Modifier::BOLD),
    }
}

fn sixteen(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().fg(Color::DarkGray),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Title => Style::new().fg(Color::Gray),
        Tone::High | Tone::HighNew => Style::new()
            .fg(Color::Black)
            .bg(Color::Yellow)
            .add_modifier(Modifier::BOLD),
        Tone::Medium => Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD),
        Tone::Low => Style::new().fg(Color::Cyan),
        Tone::Strip => Style::new().fg(Color::White).bg(Color::Blue),
        Tone::Cursor => Style::new().add_modifier(Modifier::REVERSED),
        Tone::Banner => Style::new()
            .fg(Color::Black)
            .bg(Color::White)
            .add_modifier(Modifier::BOLD),
    }
}

fn many(tone: Tone) -> Style {
    const ORANGE: Color = Color::Indexed(208);
    const SKY: Color = Color::Indexed(75);
    match tone {
        Tone::Plain => Style::new().fg(Color::Indexed(252)),
        Tone::Dim => Style::new().fg(Color::Indexed(244)),
        Tone::Strong => Style::new()
            .fg(Color::Indexed(231))
            .add_modifier(Modifier::BOLD),
        Tone::Title => Style::new().fg(Color::Indexed(246)),
        Tone::High | Tone::HighNew => Style::new()
            .fg(Color::Indexed(16))
            .bg(ORANGE)
            .add_modifier(Modifier::BOLD),
        Tone::Medium => Style::new().fg(ORANGE).add_modifier(Modifier::BOLD),
        Tone::Low => Style::new().fg(SKY),
        Tone::Strip => Style::new().fg(Color::Indexed(252)).bg(Color::Indexed(236)),
        Tone::Cursor => Style::new().bg(Color::Indexed(24)).fg(Color::Indexed(231)),
        Tone::Banner => Style::new()
            .fg(Color::Indexed(16))
            .bg(Color::Indexed(250))
            .add_modifier(Modifier::BOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(variables: &[(&str, &str)]) -> Look {
        Look::from_environment(|name| {
            variables
                .iter()
                .find(|(set, _)| *set == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_terminal_gets_what_it_can_show() {
        for (name, variables, colours, ascii) in [
            (
                "xterm",
                &[("TERM", "xterm-256color"), ("LANG", "de_DE.UTF-8")][..],
                Colours::Many,
                false,
            ),
            (
                "no locale",
                &[("TERM", "xterm-256color")],
                Colours::Many,
                true,
            ),
            (
                "NO_COLOR",
                &[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")],
                Colours::None,
                false,
            ),
            (
                "an empty NO_COLOR",
                &[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("NO_COLOR", "")],
                Colours::Sixteen,
                false,
            ),
            (
                "the Linux console",
                &[("TERM", "linux"), ("LANG", "C.UTF-8")],
                Colours::Sixteen,
                true,
            ),
            (
                "a serial line",
                &[("TERM", "vt100"), ("LANG", "C.UTF-8")],
                Colours::None,
                true,
            ),
            (
                "LC_ALL wins",
                &[("TERM", "xterm"), ("LANG", "C.UTF-8"), ("LC_ALL", "C")],
                Colours::Sixteen,
                true,
            ),
            ("nothing set", &[], Colours::None, true),
        ] {
            let look = look(variables);
            assert_eq!((look.colours, look.ascii), (colours, ascii), "{name}");
        }
    }

    #[test]
    fn only_an_alarm_nobody_acknowledged_blinks() {
        let tones = [
            Tone::Plain,
            Tone::Dim,
            Tone::Strong,
            Tone::Title,
            Tone::High,
            Tone::HighNew,
            Tone::Medium,
            Tone::Low,
            Tone::Strip,
            Tone::Cursor,
            Tone::Banner,
        ];
        for colours in [Colours::None, Colours::Sixteen, Colours::Many] {
            let look = Look {
                colours,
                ascii: false,
                contrast: false,
                blink: true,
            };
            for tone in tones {
                let blinks = look.style(tone).add_modifier.contains(Modifier::SLOW_BLINK);
                assert_eq!(blinks, tone == Tone::HighNew, "{colours:?} {tone:?}");
            }
            let still = Look {
                blink: false,
                ..look
            };
            assert!(
                !still
                    .style(Tone::HighNew)
                    .add_modifier
                    .contains(Modifier::SLOW_BLINK)
            );
        }
    }
}

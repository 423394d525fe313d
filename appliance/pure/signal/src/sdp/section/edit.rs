//! Changing single lines of a section.

use super::{Direction, Section};
use crate::sdp::format;
use crate::sdp::line::Line;

impl Section {
    /// Writes the direction in place of the old one.
    pub(in crate::sdp) fn set_direction(&mut self, direction: Direction) {
        let text = format!("a={direction}");
        let is_direction = |line: &Line| line.value('a').and_then(Direction::from_word).is_some();
        self.replace_or_insert(is_direction, text, "mid");
    }

    /// Removes who would be sending: `a=msid`, `a=ssrc`, `a=ssrc-group`.
    pub(in crate::sdp) fn remove_streams(&mut self) {
        self.lines.retain(|line| {
            ["msid", "ssrc", "ssrc-group"]
                .iter()
                .all(|name| line.attribute(name).is_none())
        });
    }

    /// Writes the msid, also where it stands with an SSRC.
    pub(in crate::sdp) fn set_msid(&mut self, stream: &str, track: &str) {
        let is_msid = |line: &Line| line.attribute("msid").is_some();
        self.replace_or_insert(is_msid, format!("a=msid:{stream} {track}"), "mid");
        for line in &mut self.lines {
            let ssrc = line
                .attribute("ssrc")
                .and_then(|v| Some(v.split_once(" msid:")?.0));
            if let Some(text) = ssrc.map(|ssrc| format!("a=ssrc:{ssrc} msid:{stream} {track}")) {
                line.set_text(text);
            }
        }
    }

    /// Writes the formats of the `m=` line in this order.
    pub(in crate::sdp) fn set_format_words(&mut self, words: &[String]) {
        let Some(line) = self.lines.first_mut() else {
            return;
        };
        let kept: Vec<&str> = line.text().split_ascii_whitespace().take(3).collect();
        let text = format!("{} {}", kept.join(" "), words.join(" "));
        line.set_text(text);
    }

    /// Writes the parameters of a payload type; none removes the line.
    pub(in crate::sdp) fn set_parameters(&mut self, payload_type: u8, parameters: &str) {
        let says = |line: &Line, name| {
            line.attribute(name)
                .is_some_and(|v| format::numbered(v).is_some_and(|n| n.0 == payload_type))
        };
        let text = format!("a=fmtp:{payload_type} {parameters}");
        let written = self.lines.iter().position(|line| says(line, "fmtp"));
        let mapping = self.lines.iter().position(|line| says(line, "rtpmap"));
        match (written, mapping) {
            (Some(at), _) if parameters.is_empty() => drop(self.lines.remove(at)),
            (Some(at), _) => {
                if let Some(line) = self.lines.get_mut(at) {
                    line.set_text(text);
                }
            }
            (None, Some(at)) if !parameters.is_empty() => self.insert_after(at, text),
            (None, _) => {}
        }
    }

    /// Replaces the first line that `matches`, else inserts after the attribute `anchor`.
    fn replace_or_insert(&mut self, matches: impl Fn(&Line) -> bool, text: String, anchor: &str) {
        if let Some(line) = self.lines.iter_mut().find(|line| matches(line)) {
            line.set_text(text);
        } else {
            let anchor = self
                .lines
                .iter()
                .position(|line| line.attribute(anchor).is_some());
            self.insert_after(anchor.unwrap_or(self.lines.len().saturating_sub(1)), text);
        }
    }

    fn insert_after(&mut self, index: usize, text: String) {
        if let Some(line) = self.lines.get_mut(index) {
            line.close();
            self.lines.insert(index.saturating_add(1), Line::new(text));
        }
    }
}

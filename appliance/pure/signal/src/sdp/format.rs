//! What a section says of one payload type.

use super::section::Section;
use std::collections::BTreeMap;

/// `a=rtcp-fb:*` lines read per section: they count for every format, so that many of them in a
/// small text would become much memory. Clients send at most four.
const MAX_FEEDBACK_FOR_ALL: usize = 16;

/// A payload type with its `rtpmap`, `fmtp` and `rtcp-fb` lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format<'a> {
    /// 0 to 127.
    pub payload_type: u8,
    /// The encoding's name as written: `opus`, `VP8`, `rtx`. Compare without case.
    pub name: &'a str,
    /// Hertz.
    pub clock_rate: u32,
    /// `2` for Opus; absent for video.
    pub channels: Option<u8>,
    /// The parameters of `a=fmtp`, as written.
    pub parameters: Option<&'a str>,
    /// `a=rtcp-fb` values, also those said of all payload types (`*`).
    pub feedback: Vec<&'a str>,
}

impl<'a> Format<'a> {
    /// The formats of a section in the order of its `m=` line, in one pass over its lines. Those
    /// without a usable `a=rtpmap` are left out (static types such as 0 and 8 need none, and the
    /// box uses none of them).
    pub(super) fn read_all(section: &'a Section) -> Vec<Self> {
        let mut known: BTreeMap<u8, Self> = BTreeMap::new();
        for (payload_type, mapping) in section.attributes("rtpmap").filter_map(numbered) {
            if let Some(format) = Self::mapped(payload_type, mapping) {
                known.entry(payload_type).or_insert(format);
            }
        }
        for (payload_type, parameters) in section.attributes("fmtp").filter_map(numbered) {
            if let Some(format) = known.get_mut(&payload_type) {
                format.parameters.get_or_insert(parameters);
            }
        }
        for (payload_type, feedback) in section.attributes("rtcp-fb").filter_map(numbered) {
            if let Some(format) = known.get_mut(&payload_type) {
                format.feedback.push(feedback);
            }
        }
        let for_all = section
            .attributes("rtcp-fb")
            .filter_map(|v| v.strip_prefix("* "));
        for feedback in for_all.take(MAX_FEEDBACK_FOR_ALL) {
            for format in known.values_mut() {
                format.feedback.push(feedback);
            }
        }
        let listed = section.format_words().filter_map(|word| word.parse().ok());
        listed
            .filter_map(|payload_type: u8| known.remove(&payload_type))
            .collect()
    }

    fn mapped(payload_type: u8, mapping: &'a str) -> Option<Self> {
        let mut parts = mapping.split('/');
        Some(Self {
            payload_type,
            name: parts.next()?.trim(),
            clock_rate: parts.next()?.trim().parse().ok()?,
            channels: parts.next().and_then(|c| c.trim().parse().ok()),
            parameters: None,
            feedback: Vec::new(),
        })
    }

    /// Whether it is the codec of a mime type such as `video/VP9`, or of a bare name.
    pub fn is(&self, mime: &str) -> bool {
        let name = mime.rsplit('/').next().unwrap_or(mime);
        self.name.eq_ignore_ascii_case(name)
    }

    /// A parameter of its `fmtp`, by name without case.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters?.split(';').find_map(|pair| {
            let (key, value) = pair.trim().split_once('=')?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The payload type it retransmits, if it is `rtx` (RFC 4588 `apt`).
    pub fn rtx_for(&self) -> Option<u8> {
        self.is("rtx")
            .then(|| self.parameter("apt")?.trim().parse().ok())
            .flatten()
    }
}

/// `"<payload type> rest"` in its two parts.
pub(super) fn numbered(value: &str) -> Option<(u8, &str)> {
    let (number, rest) = value.split_once(' ')?;
    Some((number.parse().ok()?, rest.trim_start()))
}

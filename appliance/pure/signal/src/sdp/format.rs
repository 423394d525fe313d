//! What a section says of one payload type.

use super::section::Section;

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
    /// Reads what `section` says of `payload_type`; `None` when it has no usable `a=rtpmap`
    /// (static types such as 0 and 8 need none, and the box uses none of them).
    pub(super) fn read(section: &'a Section, payload_type: u8) -> Option<Self> {
        let mapping = section
            .attributes("rtpmap")
            .find_map(|v| of(v, payload_type))?;
        let mut parts = mapping.split('/');
        Some(Self {
            payload_type,
            name: parts.next()?.trim(),
            clock_rate: parts.next()?.trim().parse().ok()?,
            channels: parts.next().and_then(|c| c.trim().parse().ok()),
            parameters: section.attributes("fmtp").find_map(|v| of(v, payload_type)),
            feedback: section
                .attributes("rtcp-fb")
                .filter_map(|v| of(v, payload_type).or_else(|| v.strip_prefix("* ")))
                .collect(),
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

/// The rest of `"<payload type> rest"`.
pub(super) fn of(value: &str, payload_type: u8) -> Option<&str> {
    let (number, rest) = value.split_once(' ')?;
    (number.parse() == Ok(payload_type)).then_some(rest.trim_start())
}

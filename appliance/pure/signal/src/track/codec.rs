//! Codec names: LiveKit's requests, mime types and SDP's.

use crate::sdp::Section;
use media::Kind;

/// Names in a section that are no codec of their own.
const HELPERS: [&str; 5] = ["rtx", "ulpfec", "flexfec-03", "telephone-event", "CN"];

/// The mime type for a request's codec (`vp9`, `VP9` or `video/VP9`): as the box spells it, or
/// the first the box allows of that kind when it is unknown or not allowed.
pub(crate) fn choose_codec(kind: Kind, wanted: &str, allowed: &[String]) -> String {
    let family = match kind {
        Kind::Audio => "audio/",
        Kind::Video => "video/",
    };
    let of_kind = || allowed.iter().filter(|mime| mime.starts_with(family));
    let name = wanted.rsplit('/').next().unwrap_or(wanted);
    let is_wanted = |mime: &&String| {
        mime.split('/')
            .nth(1)
            .is_some_and(|n| n.eq_ignore_ascii_case(name))
    };
    of_kind()
        .find(is_wanted)
        .or_else(|| of_kind().next())
        .cloned()
        .unwrap_or_default()
}

/// The mime type a section's sender uses: the first codec listed; empty when there is none.
/// For audio RED counts as a codec, for video it is a helper.
pub(crate) fn mime_of_section(kind: Kind, section: &Section) -> String {
    let family = match kind {
        Kind::Audio => "audio",
        Kind::Video => "video",
    };
    let formats = section.formats();
    let is_codec = |name: &str| {
        let is_video_red = kind == Kind::Video && name.eq_ignore_ascii_case("red");
        !is_video_red
            && !HELPERS
                .iter()
                .any(|helper| helper.eq_ignore_ascii_case(name))
    };
    formats
        .iter()
        .map(|format| format.name)
        .find(|name| is_codec(name))
        .map(|name| format!("{family}/{}", spelled(name)))
        .unwrap_or_default()
}

/// As LiveKit's mime types spell it.
fn spelled(name: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        audio @ ("opus" | "red") => audio.into(),
        video => video.to_ascii_uppercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_that_is_not_allowed_becomes_the_first_allowed_one() {
        let allowed: Vec<String> = ["video/VP8", "video/VP9", "audio/opus"]
            .map(String::from)
            .into();
        for (name, kind, wanted, want) in [
            ("bare and lower case", Kind::Video, "vp9", "video/VP9"),
            ("a mime type", Kind::Video, "video/vp8", "video/VP8"),
            ("not allowed", Kind::Video, "h265", "video/VP8"),
            ("nothing said", Kind::Video, "", "video/VP8"),
            ("of the other kind", Kind::Audio, "vp8", "audio/opus"),
        ] {
            assert_eq!(choose_codec(kind, wanted, &allowed), want, "{name}");
        }
    }
}

//! The order of payload types: libwebrtc sends the first codec of the answer.

use crate::sdp::section::{Section, SectionKind};

/// Puts `first_codec` with its retransmissions first; in audio, RED before everything when it
/// is allowed and after everything when not. Otherwise the order stays.
pub(super) fn order_formats(section: &mut Section, first_codec: Option<&str>, red: bool) {
    let formats = section.formats();
    let rank = |word: &str| {
        let Some(format) = find(&formats, word) else {
            return Rank::Other;
        };
        let main = format
            .rtx_for()
            .and_then(|pt| formats.iter().find(|f| f.payload_type == pt));
        let codec = main.unwrap_or(format);
        match section.kind() {
            SectionKind::Audio if codec.is("red") && red => Rank::Red,
            SectionKind::Audio if codec.is("red") => Rank::Last,
            _ if first_codec.is_some_and(|mime| codec.is(mime)) => Rank::Chosen,
            SectionKind::Audio if codec.is("opus") => Rank::Opus,
            _ => Rank::Other,
        }
    };
    let mut words: Vec<(Rank, String)> = section
        .format_words()
        .map(|word| (rank(word), word.to_owned()))
        .collect();
    words.sort_by_key(|(rank, _)| *rank);
    let words: Vec<String> = words.into_iter().map(|(_, word)| word).collect();
    section.set_format_words(&words);
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Red,
    Chosen,
    Opus,
    Other,
    Last,
}

fn find<'f, 'a>(
    formats: &'f [crate::sdp::Format<'a>],
    word: &str,
) -> Option<&'f crate::sdp::Format<'a>> {
    formats.iter().find(|f| word.parse() == Ok(f.payload_type))
}

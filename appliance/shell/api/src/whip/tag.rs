//! Entity tags and path segments in headers.

use std::fmt::Write;

/// A strong tag as RFC 9110 §8.8.3 writes it.
pub(super) fn quote(tag: &str) -> String {
    format!("\"{tag}\"")
}

/// What an `If-Match` names: `*` (seen quoted too) or a tag, with or without its quotes.
pub(super) fn unquote(value: &str) -> String {
    let value = value.trim();
    let value = value.strip_prefix("W/").unwrap_or(value);
    value.trim_matches('"').to_owned()
}

/// A path segment; everything but RFC 3986's unreserved characters is percent-encoded.
pub(super) fn encode_segment(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_survive_the_way_clients_write_them() {
        for (value, want) in [
            ("\"abc\"", "abc"),
            ("abc", "abc"),
            ("*", "*"),
            ("\"*\"", "*"),
            (" W/\"abc\" ", "abc"),
        ] {
            assert_eq!(unquote(value), want, "{value}");
        }
        assert_eq!(unquote(&quote("u+frag")), "u+frag");
    }

    #[test]
    fn room_names_are_encoded_in_locations() {
        assert_eq!(encode_segment("ward 3/é"), "ward%203%2F%C3%A9");
    }
}

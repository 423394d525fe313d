//! Where bytes of a box become values: bounded, and every text made fit for a terminal.
//!
//! Texts are cleaned here once, before any type exists that could hold them: what the rest of the
//! console holds may be shown. An id that cleaning changed names nothing on the box, so an action
//! on it does nothing.

use serde::de::DeserializeOwned;
use serde_json::Value;
use vocab::DisplayText;

/// Longest text kept, in characters: a sentence for the network team, not a document.
const MAX_TEXT_CHARS: usize = 512;

/// Longest line or answer read, in bytes: a snapshot of 20,000 rooms fits.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Why bytes of a box could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IngestError {
    /// Not JSON.
    #[error("the box sent something that is not JSON")]
    NotJson,
    /// JSON of another shape: usually a box of another version.
    #[error("the box speaks another version of the admin API")]
    OtherShape,
}

/// One value out of `bytes`, with clean texts.
pub(crate) fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, IngestError> {
    let mut value: Value = serde_json::from_slice(bytes).map_err(|_| IngestError::NotJson)?;
    clean(&mut value);
    serde_json::from_value(value).map_err(|_| IngestError::OtherShape)
}

/// A text that did not come as JSON: an error of the network, a file's name.
pub(crate) fn text(raw: &str) -> String {
    DisplayText::up_to(MAX_TEXT_CHARS, raw).to_string()
}

/// `serde_json` refuses to nest deeper than 128, so the recursion is bounded.
fn clean(value: &mut Value) {
    match value {
        Value::String(raw) => *raw = text(raw),
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(fields) => {
            if fields.keys().any(|key| text(key) != *key) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (text(&key), value))
                    .collect();
            }
            fields.values_mut().for_each(clean);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn texts_and_keys_are_clean_once_read() {
        let read: BTreeMap<String, Vec<String>> =
            value(br#"{"a\u001b[2J": ["x\u202ey", "plain"]}"#).expect("JSON");
        assert_eq!(read["a\u{FFFD}[2J"], ["x\u{FFFD}y", "plain"]);
    }

    #[test]
    fn a_megabyte_of_combining_marks_is_a_line() {
        let raw = serde_json::to_vec(&"\u{0301}".repeat(1 << 20)).expect("JSON");
        let read: String = value(&raw).expect("a text");
        assert_eq!(read.chars().count(), MAX_TEXT_CHARS + 1);
        assert!(!read.contains('\u{0301}'));
    }

    #[test]
    fn what_is_not_of_the_api_is_refused() {
        assert_eq!(value::<u32>(b"{"), Err(IngestError::NotJson));
        assert_eq!(value::<u32>(b"\"x\""), Err(IngestError::OtherShape));
    }
}

//! A device's serial number as a certificate's name.

use std::str::FromStr;

/// Longest serial number; a common name has at most 64 characters (RFC 5280 appendix A.1).
const MAX_BYTES: usize = 64;

/// A device's serial number: letters, digits, `.`, `-` and `_`, not beginning with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSerial(String);

/// A text that is no serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the serial number as on the device: 1 to {MAX_BYTES} letters, digits, dots, dashes and underscores, not beginning with a dot"
)]
pub struct WrongSerial;

impl DeviceSerial {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceSerial {
    type Err = WrongSerial;

    /// It becomes a file's name, too: nothing that leads elsewhere passes.
    fn from_str(text: &str) -> Result<Self, WrongSerial> {
        let fits = (1..=MAX_BYTES).contains(&text.len())
            && !text.starts_with('.')
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        fits.then(|| Self(text.to_owned())).ok_or(WrongSerial)
    }
}

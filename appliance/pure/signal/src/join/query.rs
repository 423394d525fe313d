//! A URL's query (`application/x-www-form-urlencoded`, WHATWG URL §5.1).

use crate::limits::{MAX_QUERY_BYTES, MAX_QUERY_PARAMETERS};

/// The parameters of a query. It holds the access token: it has no `Debug`.
#[derive(Clone, Default)]
pub struct Query {
    parameters: Vec<(String, String)>,
}

/// Why a query cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseQueryError {
    /// Beyond [`MAX_QUERY_BYTES`].
    #[error("the query is longer than {MAX_QUERY_BYTES} bytes")]
    TooLong,
    /// Beyond [`MAX_QUERY_PARAMETERS`].
    #[error("the query has more than {MAX_QUERY_PARAMETERS} parameters")]
    TooManyParameters,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the query is not percent-encoded UTF-8")]
    NotDecodable,
}

impl Query {
    /// Reads what follows the `?`.
    pub fn parse(raw: &str) -> Result<Self, ParseQueryError> {
        if raw.len() > MAX_QUERY_BYTES {
            return Err(ParseQueryError::TooLong);
        }
        let mut parameters = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            if parameters.len() == MAX_QUERY_PARAMETERS {
                return Err(ParseQueryError::TooManyParameters);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.push((decode(name)?, decode(value)?));
        }
        Ok(Self { parameters })
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// `1`, `t`, `true` (any case) are true; other words false; an absent or empty one `None`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name).filter(|value| !value.is_empty())?;
        Some(
            ["1", "t", "true"]
                .iter()
                .any(|yes| value.eq_ignore_ascii_case(yes)),
        )
    }

    /// A number; absent or unreadable ones are 0, as `LiveKit` reads them.
    pub(super) fn number(&self, name: &str) -> i32 {
        self.get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0)
    }

    /// A text; absent is empty.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }
}

fn decode(raw: &str) -> Result<String, ParseQueryError> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = bytes
                    .next()
                    .and_then(hex)
                    .ok_or(ParseQueryError::NotDecodable)?;
                let low = bytes
                    .next()
                    .and_then(hex)
                    .ok_or(ParseQueryError::NotDecodable)?;
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_| ParseQueryError::NotDecodable)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

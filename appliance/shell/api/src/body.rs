//! Reading a body with a limit.

use crate::problem::ApiError;
use axum::body::{Body, Bytes, to_bytes};
use serde::de::DeserializeOwned;
use vocab::ErrorKind;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadBodyError {
    /// Longer than allowed: 413.
    TooLarge,
    /// The client went away or broke its framing: 400.
    Broken,
}

/// The whole body, at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, ReadBodyError> {
    to_bytes(body, limit).await.map_err(|error| {
        let over = std::error::Error::source(&error)
            .is_some_and(|cause| cause.to_string().contains("length limit exceeded"));
        if over {
            ReadBodyError::TooLarge
        } else {
            ReadBodyError::Broken
        }
    })
}

/// A body of JSON, at most `limit` bytes.
///
/// # Errors
/// 400 with the place of what is wrong; serde's own message would repeat the sender's text, which
/// may be a password.
pub(crate) async fn json<T: DeserializeOwned>(body: Body, limit: usize) -> Result<T, ApiError> {
    let invalid = |message: String| ApiError::new(ErrorKind::Invalid, message);
    let bytes = read(body, limit).await.map_err(|error| match error {
        ReadBodyError::TooLarge => invalid(format!("the body is larger than {limit} bytes")),
        ReadBodyError::Broken => invalid("the body could not be read".to_owned()),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        invalid(format!("the body is not as documented at {place}"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;

    #[tokio::test]
    async fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
        assert_eq!(read(Body::from(vec![0; 10]), 10).await.unwrap().len(), 10);
        assert_eq!(
            read(Body::from(vec![0; 11]), 10).await,
            Err(ReadBodyError::TooLarge)
        );
    }
}

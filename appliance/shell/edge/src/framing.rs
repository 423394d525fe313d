//! Datagrams in a stream: two bytes of length before each (RFC 4571 §2).

/// Longest datagram: as long as the media threads take. WebRTC stays below 1,500.
pub(crate) const MAX_DATAGRAM_BYTES: usize = 2_048;

/// Bytes of the length.
pub(crate) const HEAD_BYTES: usize = 2;

/// A length that no datagram has: the stream is something else, or broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoFrame;

/// A whole frame, and what comes after it.
pub(crate) type Frame<'a> = (&'a [u8], &'a [u8]);

/// The first whole frame of `bytes`, and what comes after it; `None` while it is not whole.
pub(crate) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, NoFrame> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes(*head));
    if length == 0 || length > MAX_DATAGRAM_BYTES {
        return Err(NoFrame);
    }
    Ok(rest.split_at_checked(length))
}

/// Writes the head of a datagram of `length` bytes, at most [`MAX_DATAGRAM_BYTES`].
pub(crate) fn head(length: usize) -> [u8; HEAD_BYTES] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_whole_and_impossible_lengths_end_the_stream() {
        for (bytes, want) in [
            (&[][..], Ok(None)),
            (&[0], Ok(None)),
            (&[0, 2], Ok(None)),
            (&[0, 2, 7], Ok(None)),
            (&[0, 2, 7, 8], Ok(Some((&[7, 8][..], &[][..])))),
            (&[0, 1, 7, 8, 9], Ok(Some((&[7][..], &[8, 9][..])))),
            (&[0, 0, 1], Err(NoFrame)),
            (&[8, 1, 1], Err(NoFrame)),
            (&[22, 3, 1], Err(NoFrame)),
        ] {
            assert_eq!(first(bytes), want, "{bytes:?}");
        }
        assert_eq!(head(MAX_DATAGRAM_BYTES), [8, 0]);
    }
}

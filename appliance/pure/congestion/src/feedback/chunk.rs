//! Packet status chunks and receive deltas (draft-holmer §3.1.1 to §3.1.5).

use super::{FeedbackRefusal, TICKS_PER_EPOCH};

/// Symbols a chunk of the run-length kind can count.
const RUN_MASK: u16 = 0x1fff;

/// Statuses as marks in the arrivals until the deltas are read: a byte follows …
const SMALL: u64 = 1;

/// … or two bytes with sign.
const LARGE: u64 = 2;

/// One status per packet, `None` for not received, and the bytes behind the chunks.
pub(super) fn statuses(
    mut bytes: &[u8],
    packets: usize,
) -> Result<(Vec<Option<u64>>, &[u8]), FeedbackRefusal> {
    let mut statuses = Vec::with_capacity(packets);
    while statuses.len() < packets {
        let (chunk, rest) = bytes
            .split_first_chunk::<2>()
            .ok_or(FeedbackRefusal::Chunks)?;
        bytes = rest;
        let left = packets - statuses.len();
        let chunk = u16::from_be_bytes(*chunk);
        if chunk >> 15 == 0 {
            let status = status(chunk >> 13)?;
            let run = usize::from(chunk & RUN_MASK).min(left);
            statuses.resize(statuses.len() + run, status);
        } else if chunk >> 14 == 0b10 {
            for bit in (0..14).rev().take(left) {
                statuses.push(status(chunk >> bit & 1)?);
            }
        } else {
            for pair in (0..7).rev().take(left) {
                statuses.push(status(chunk >> (2 * pair))?);
            }
        }
    }
    Ok((statuses, bytes))
}

/// A packet's two-bit status (draft-holmer §3.1.1).
fn status(symbol: u16) -> Result<Option<u64>, FeedbackRefusal> {
    match symbol & 0b11 {
        0 => Ok(None),
        1 => Ok(Some(SMALL)),
        2 => Ok(Some(LARGE)),
        _ => Err(FeedbackRefusal::Status),
    }
}

/// Puts each received packet's arrival in place of its status.
pub(super) fn apply_deltas(
    statuses: &mut [Option<u64>],
    mut bytes: &[u8],
    reference: i64,
) -> Result<(), FeedbackRefusal> {
    let mut ticks = reference;
    for status in statuses.iter_mut().flatten() {
        let delta = if *status == SMALL {
            let (delta, rest) = bytes.split_first().ok_or(FeedbackRefusal::Deltas)?;
            bytes = rest;
            i64::from(*delta)
        } else {
            let (delta, rest) = bytes
                .split_first_chunk::<2>()
                .ok_or(FeedbackRefusal::Deltas)?;
            bytes = rest;
            i64::from(i16::from_be_bytes(*delta))
        };
        ticks += delta;
        *status = ticks.rem_euclid(TICKS_PER_EPOCH).unsigned_abs();
    }
    Ok(())
}

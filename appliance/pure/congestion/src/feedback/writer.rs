//! Feedback as a receiver writes it, for simulated clients.

use super::{Feedback, MAX_PACKETS, TICKS_PER_EPOCH, TICKS_PER_REFERENCE};
use std::time::Duration;

/// Packets of one two-bit status vector chunk.
const VECTOR_PACKETS: usize = 7;

/// Packets of one run-length chunk at most.
const MAX_RUN: usize = 0x1fff;

pub(super) fn collect(base: u16, count: u8, arrivals: &[Option<Duration>]) -> Option<Feedback> {
    let mut told = Vec::with_capacity(arrivals.len().min(MAX_PACKETS));
    let mut before: Option<u64> = None;
    let mut reference = 0;
    for arrival in arrivals.iter().take(MAX_PACKETS) {
        let Some(arrival) = arrival else {
            told.push(None);
            continue;
        };
        let ticks = (arrival.as_micros() / 250) as u64 % TICKS_PER_EPOCH.unsigned_abs();
        if let Some(before) = before {
            if i16::try_from(distance(before, ticks)).is_err() {
                break;
            }
        } else {
            reference = (ticks / TICKS_PER_REFERENCE.unsigned_abs()) as u32;
        }
        before = Some(ticks);
        told.push(Some(ticks));
    }
    before.map(|_| Feedback {
        base,
        count,
        reference,
        arrivals: told,
    })
}

/// Ticks from `before` to `after`, the shorter way round the epoch.
fn distance(before: u64, after: u64) -> i64 {
    let ahead = (after.cast_signed() - before.cast_signed()).rem_euclid(TICKS_PER_EPOCH);
    if ahead > TICKS_PER_EPOCH / 2 {
        ahead - TICKS_PER_EPOCH
    } else {
        ahead
    }
}

pub(super) fn write(feedback: &Feedback, fci: &mut Vec<u8>) {
    let start = fci.len();
    let mut before = u64::from(feedback.reference) * TICKS_PER_REFERENCE.unsigned_abs();
    let mut symbols = Vec::with_capacity(feedback.arrivals.len());
    let mut deltas = Vec::with_capacity(feedback.arrivals.len());
    for arrival in &feedback.arrivals {
        let Some(ticks) = *arrival else {
            symbols.push(0_u16);
            continue;
        };
        let delta = distance(before, ticks);
        before = ticks;
        if let Ok(delta) = u8::try_from(delta) {
            symbols.push(1);
            deltas.push(delta);
        } else {
            symbols.push(2);
            deltas.extend_from_slice(&(delta as i16).to_be_bytes());
        }
    }
    fci.extend_from_slice(&feedback.base.to_be_bytes());
    fci.extend_from_slice(&(symbols.len() as u16).to_be_bytes());
    fci.extend_from_slice(&(feedback.reference << 8 | u32::from(feedback.count)).to_be_bytes());
    write_chunks(&symbols, fci);
    fci.extend_from_slice(&deltas);
    while !(fci.len() - start).is_multiple_of(4) {
        fci.push(0);
    }
}

/// Runs where they pay, two-bit vectors elsewhere.
fn write_chunks(mut symbols: &[u16], fci: &mut Vec<u8>) {
    while let Some(&first) = symbols.first() {
        let run = symbols
            .iter()
            .take(MAX_RUN)
            .take_while(|&&symbol| symbol == first)
            .count();
        let (chunk, taken) = if run >= VECTOR_PACKETS {
            (first << 13 | run as u16, run)
        } else {
            let taken = symbols.len().min(VECTOR_PACKETS);
            let vector = symbols
                .iter()
                .take(taken)
                .fold(0b11_u16, |bits, symbol| bits << 2 | symbol);
            (vector << (2 * (VECTOR_PACKETS - taken)), taken)
        };
        fci.extend_from_slice(&chunk.to_be_bytes());
        symbols = symbols.get(taken..).unwrap_or_default();
    }
}

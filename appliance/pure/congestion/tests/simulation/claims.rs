//! What is promised, as scenarios. Times are simulated.

mod bottleneck;
mod client;
mod repair;

/// Committed; never drawn afresh.
pub(crate) const SEEDS: [u64; 4] = [1, 4711, 0x0BAD_F00D, 0xDEAD_BEEF];

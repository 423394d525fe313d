//! The panic boundary: one broken room ends one room.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; `None` when it panicked. What `f` touched must be thrown away by the caller then.
pub(crate) fn contained<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

/// Fresh unguessable bits from the system's generator, or `None` when it fails.
pub(crate) fn random_u64() -> Option<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

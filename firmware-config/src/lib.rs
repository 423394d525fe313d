//! Typed box profiles.

//! Typed box profiles: what kind of machine the appliance runs on and what it may promise there.

mod profile;

pub use profile::{Profile, ProfileError};

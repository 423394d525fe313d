//! Typed box profiles: what kind of machine the appliance runs on and what it may promise there.

mod profile;
mod tuning;

pub use profile::{Profile, ProfileError};
pub use tuning::{Bound, Limit, Sysctl, Tuning};

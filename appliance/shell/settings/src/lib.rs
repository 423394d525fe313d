//! Settings from file and flags; a wrong value is shown where it stands.

//! Data transfer objects shared by api, console and benches.

//! Claims about a track alone.

//! The per-core loop: one thread, its socket, its peers, its rooms.

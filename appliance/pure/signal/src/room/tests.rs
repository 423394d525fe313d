//! Scripted clients against a room.

//! The UDP reactor: io_uring, portable and simulated.

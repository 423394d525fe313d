//! How much a path takes: transport-wide feedback, Google congestion control, probing.

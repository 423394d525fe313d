//! Metrics and logs: what may be counted, how it is named.

//! Metrics and logs: what may be counted, how it is named.
//!
//! Logs go to standard error. No name, identity, text or token is ever a label or a log field.

pub mod log;
pub mod metric;
mod table;

pub use log::{InstallLogError, LogConfig, install_log};
pub use metric::{InstallMetricsError, Metrics, install_metrics};
pub use table::{BUCKETS, Kind, METRICS, Metric, names};

//! Metrics and logs: what may be counted, how it is named.
//!
//! Logs go to standard error. No name, identity, text or token is ever a label or a log field.

pub mod log;
pub mod metric;
mod table;

pub use log::{install_log, InstallLogError, LogConfig};
pub use metric::{install_metrics, InstallMetricsError, Metrics};
pub use table::{names, Kind, Metric, BUCKETS, METRICS};

//! The recorder: counters, gauges and histograms in Prometheus' text form.

use crate::table::{BUCKETS, Kind, METRICS};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// How often recorded samples are folded into their buckets. Samples wait in memory until then,
/// so this bounds memory when nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Reads what was counted. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// All metrics in Prometheus' text exposition format 0.0.4.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// A recorder that is installed nowhere: renders nothing. For tests of what shows metrics.
    #[must_use]
    pub fn detached() -> Self {
        Self(PrometheusBuilder::new().build_recorder().handle())
    }
}

/// Why metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InstallMetricsError {
    /// A bucket list is empty.
    #[error("the histogram buckets of {0} are not usable")]
    Buckets(&'static str),
    /// Another recorder is already in place.
    #[error("a metrics recorder is already installed in this process")]
    AlreadyInstalled,
    /// No thread for the upkeep.
    #[error("the metrics upkeep thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Installs the process-wide recorder, describes every metric of [`METRICS`], and starts the
/// upkeep thread, which lives as long as the process.
pub fn install_metrics() -> Result<Metrics, InstallMetricsError> {
    let recorder = builder()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| InstallMetricsError::AlreadyInstalled)?;
    describe();
    let upkeep = handle.clone();
    std::thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(UPKEEP_INTERVAL);
                upkeep.run_upkeep();
            }
        })?;
    Ok(Metrics(handle))
}

fn builder() -> Result<PrometheusBuilder, InstallMetricsError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets) in BUCKETS {
        builder = builder
            .set_buckets_for_metric(Matcher::Full((*name).to_owned()), buckets)
            .map_err(|_| InstallMetricsError::Buckets(name))?;
    }
    Ok(builder)
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        reason = "tests"
    )]
    use super::*;
    use crate::table::names;

    #[test]
    fn a_histogram_is_rendered_in_its_buckets_with_its_help() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!(names::COMMIT_SECONDS).record(0.003);
            metrics::counter!(names::HTTP_REFUSED, "cause" => "limit").increment(2);
        });
        let text = handle.render();
        for want in [
            "# HELP ringward_control_commit_seconds",
            "ringward_control_commit_seconds_bucket{le=\"0.005\"} 1",
            "ringward_http_refused_total{cause=\"limit\"} 2",
        ] {
            assert!(text.contains(want), "{want} is missing in:\n{text}");
        }
    }

    #[test]
    fn every_metric_is_named_once_and_by_the_house_rule() {
        let mut seen = std::collections::HashSet::new();
        for metric in METRICS {
            assert!(seen.insert(metric.name), "{} is there twice", metric.name);
            assert!(metric.name.starts_with("ringward_"), "{}", metric.name);
            assert_eq!(
                metric.kind == Kind::Counter,
                metric.name.ends_with("_total"),
                "{}: counters, and only they, end in _total",
                metric.name
            );
        }
        for (name, buckets) in BUCKETS {
            assert!(
                METRICS
                    .iter()
                    .any(|m| m.name == *name && m.kind == Kind::Histogram),
                "{name} has buckets but is no histogram"
            );
            assert!(
                buckets.windows(2).all(|pair| pair[0] < pair[1]),
                "{name}: not rising"
            );
        }
        for metric in METRICS.iter().filter(|m| m.kind == Kind::Histogram) {
            assert!(
                BUCKETS.iter().any(|(name, _)| *name == metric.name),
                "{}",
                metric.name
            );
        }
    }
}

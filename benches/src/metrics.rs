//! What a server tells of itself on `/metrics` (Prometheus' text format).

use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends by the number of datagrams in them; the label `length` names the bucket.
const TRAINS: &str = "ringward_trains_out_total";
/// Datagrams sent.
const PACKETS_OUT: &str = "ringward_packets_out_total";
/// Media packets sent for the first time.
const FORWARDED: &str = "ringward_packets_forwarded_total";
/// Packets sent again, and probes.
const RETRANSMISSIONS: &str = "ringward_retransmissions_total";
/// Datagrams that are no media: they leave one by one.
const PROTOCOL_OUT: &str = "ringward_protocol_packets_out_total";
/// What was thrown away; the label `cause` says why.
const DROPS: &str = "ringward_drops_total";

/// All counters at one moment, summed over workers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    values: BTreeMap<(String, String), f64>,
}

/// What a box counted in the window. Everything that leaves counts: media, RTCP, STUN.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trains {
    /// Sends by their length in datagrams.
    pub histogram: BTreeMap<String, u64>,
    /// Datagrams per send.
    pub mean: f64,
    /// The same without RTCP, DTLS and STUN, taken as sent one by one.
    pub media_mean: f64,
    /// Datagrams sent.
    pub packets_out: u64,
    /// Media packets sent for the first time.
    pub forwarded: u64,
    /// Packets sent again, and probes.
    pub retransmissions: u64,
    /// What was thrown away, by cause.
    pub drops: BTreeMap<String, u64>,
}

impl Metrics {
    /// Reads a server's metrics.
    ///
    /// # Errors
    /// The address is none, or nobody answers there with metrics.
    pub fn fetch(url: &str) -> Result<Self> {
        let rest = url
            .strip_prefix("http://")
            .context("--metrics: only http:// is spoken")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, "metrics"));
        let mut stream = TcpStream::connect(host).with_context(|| format!("--metrics {url}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .with_context(|| format!("--metrics {url}"))?;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            bail!("--metrics {url}: no HTTP answer");
        };
        let status = head.lines().next().unwrap_or_default();
        if !status.contains(" 200 ") {
            bail!("--metrics {url}: {status}");
        }
        Ok(Self::read(body))
    }

    fn read(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let distinct = labels
                .trim_end_matches('}')
                .split(',')
                .find(|label| !label.is_empty() && !label.starts_with("worker="))
                .and_then(|label| label.split('"').nth(1));
            let key = (name.to_owned(), distinct.unwrap_or_default().to_owned());
            *metrics.values.entry(key).or_default() += value.parse().unwrap_or(0.0);
        }
        metrics
    }

    /// What was counted since an earlier look; `None` when the server counts no trains.
    pub fn since(&self, before: &Self) -> Option<Trains> {
        let counted = |wanted: &str| -> BTreeMap<String, u64> {
            let series = self.values.iter().filter(|((name, _), _)| name == wanted);
            series
                .map(|(key, value)| {
                    let before = before.values.get(key).copied().unwrap_or_default();
                    (key.1.clone(), (value - before) as u64)
                })
                .collect()
        };
        let total = |name| counted(name).values().sum::<u64>();
        let histogram = counted(TRAINS);
        let sends: u64 = histogram.values().sum();
        let (packets_out, protocol) = (total(PACKETS_OUT), total(PROTOCOL_OUT));
        (sends > 0).then(|| Trains {
            mean: packets_out as f64 / sends as f64,
            media_mean: packets_out.saturating_sub(protocol) as f64
                / sends.saturating_sub(protocol).max(1) as f64,
            packets_out,
            forwarded: total(FORWARDED),
            retransmissions: total(RETRANSMISSIONS),
            drops: counted(DROPS)
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            histogram,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn trains_are_what_was_counted_between_two_looks_over_all_workers() {
        let text = |one: u32, eight: u32, packets: u32| {
            format!(
                "# TYPE ringward_trains_out_total counter\n\
                 ringward_trains_out_total{{worker=\"0\",length=\"1\"}} {one}\n\
                 ringward_trains_out_total{{worker=\"1\",length=\"1\"}} 5\n\
                 ringward_trains_out_total{{worker=\"0\",length=\"8-15\"}} {eight}\n\
                 ringward_packets_out_total{{worker=\"0\"}} {packets}\n\
                 ringward_protocol_packets_out_total{{worker=\"0\",kind=\"rtcp\"}} {one}\n\
                 ringward_drops_total{{worker=\"0\",cause=\"stranger\"}} {one}\n"
            )
        };
        let (before, after) = (
            Metrics::read(&text(10, 0, 15)),
            Metrics::read(&text(20, 30, 325)),
        );
        let trains = after.since(&before).unwrap();
        assert_eq!(trains.histogram["1"], 10);
        assert_eq!(trains.histogram["8-15"], 30);
        assert!((trains.mean - 7.75).abs() < 1e-9, "{}", trains.mean);
        assert!(
            (trains.media_mean - 10.0).abs() < 1e-9,
            "{}",
            trains.media_mean
        );
        assert_eq!(trains.drops["stranger"], 10);
        assert_eq!(
            Metrics::read("go_goroutines 7\n").since(&Metrics::default()),
            None
        );
    }
}

//! The task that empties the outbox.

use crate::backoff::Backoff;
use crate::delivery::{self, DEFAULT_TIMEOUT, Failure, Signer};
use crate::target::{self, ConfigureWebhooksError};
use futures_util::future::join_all;
use reqwest::{Client, Url};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::{OutboxEntry, OutboxReader};
use vocab::Redacted;

/// The first wait after a failure: a receiver that is only restarting is not kept waiting.
const FIRST_RETRY: Duration = Duration::from_millis(250);

/// The longest wait. A receiver that comes back after hours gets its backlog this much later.
const MAX_RETRY: Duration = Duration::from_secs(15);

/// Where webhooks go and who signs them.
#[derive(Debug, Clone)]
pub struct WebhooksConfig {
    /// The receivers, `http` or `https`; at most [`crate::MAX_URLS`].
    pub urls: Vec<String>,
    /// The API key whose secret signs.
    pub key: String,
    /// Its secret.
    pub secret: Redacted<String>,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
    /// The first wait after a failure.
    pub first_retry: Duration,
    /// The longest wait after a failure.
    pub max_retry: Duration,
}

impl WebhooksConfig {
    /// With the usual waits.
    pub fn new(urls: Vec<String>, key: String, secret: Redacted<String>) -> Self {
        Self {
            urls,
            key,
            secret,
            timeout: DEFAULT_TIMEOUT,
            first_retry: FIRST_RETRY,
            max_retry: MAX_RETRY,
        }
    }
}

/// Delivers what the outbox holds.
pub struct Webhooks {
    targets: Vec<Url>,
    client: Client,
    signer: Signer,
    waits: (Duration, Duration),
    outbox: OutboxReader,
}

/// How far each receiver has come. Kept in memory: after a restart, receivers that were ahead of
/// the slowest get some webhooks again, and tell them by their `id`.
struct Progress {
    reached: Mutex<Vec<u64>>,
}

impl Webhooks {
    /// Checks the configuration; nothing is sent yet.
    pub fn new(
        config: WebhooksConfig,
        outbox: OutboxReader,
    ) -> Result<Self, ConfigureWebhooksError> {
        Ok(Self {
            targets: target::parse(&config.urls)?,
            client: delivery::client(config.timeout).map_err(ConfigureWebhooksError::Client)?,
            signer: Signer {
                key: config.key,
                secret: config.secret,
            },
            waits: (config.first_retry, config.max_retry),
            outbox,
        })
    }

    /// Delivers until `stop` completes. What is on its way then is sent again after the restart.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let progress = Progress {
            reached: Mutex::new(vec![0; self.targets.len()]),
        };
        let receivers = (0..self.targets.len()).map(|index| self.serve(index, &progress));
        tokio::select! {
            () = stop => {}
            _ = join_all(receivers) => {}
        }
    }

    /// Brings one receiver everything, in order, for ever.
    async fn serve(&self, index: usize, progress: &Progress) {
        let Some(target) = self.targets.get(index) else {
            return;
        };
        let label = index.to_string();
        let mut backoff = Backoff::new(self.waits.0, self.waits.1);
        let mut rng = fastrand::Rng::new();
        let mut reached = 0;
        loop {
            let latest = self.outbox.latest();
            match self.next_after(reached).await {
                Ok(Some(entry)) => {
                    reached = entry.sequence;
                    self.deliver(target, &label, entry.body, &mut backoff, &mut rng)
                        .await;
                }
                Ok(None) => reached = reached.max(latest),
                Err(error) => {
                    tracing::error!(%error, "the webhook outbox cannot be read");
                    tokio::time::sleep(backoff.next(&mut rng)).await;
                    continue;
                }
            }
            if let Err(error) = self.settle(index, reached, progress).await {
                tracing::error!(%error, "a delivered webhook could not be erased");
            }
            self.outbox.after(reached).await;
        }
    }

    /// Tries until the receiver takes it.
    async fn deliver(
        &self,
        target: &Url,
        label: &str,
        body: Vec<u8>,
        backoff: &mut Backoff,
        rng: &mut fastrand::Rng,
    ) {
        let mut failed_before: Option<Failure> = None;
        while let Err(failure) =
            delivery::post(&self.client, target, &self.signer, body.clone()).await
        {
            let cause = failure.as_str();
            metrics::counter!("ringward_webhook_failures_total", "receiver" => label.to_owned(), "cause" => cause)
                .increment(1);
            if failed_before.replace(failure) != Some(failure) {
                tracing::warn!(
                    receiver = label,
                    cause,
                    "a webhook was not taken; it is tried again"
                );
            }
            tokio::time::sleep(backoff.next(rng)).await;
        }
        if failed_before.is_some() {
            tracing::info!(receiver = label, "webhooks are taken again");
        }
        backoff.reset();
        metrics::counter!("ringward_webhooks_delivered_total", "receiver" => label.to_owned())
            .increment(1);
    }

    /// Erases what every receiver has.
    async fn settle(&self, index: usize, reached: u64, progress: &Progress) -> io::Result<()> {
        let through = progress.reach(index, reached);
        let outbox = self.outbox.clone();
        blocking(move || outbox.delivered(through)).await
    }

    async fn next_after(&self, sequence: u64) -> io::Result<Option<OutboxEntry>> {
        let outbox = self.outbox.clone();
        blocking(move || outbox.next_after(sequence)).await
    }
}

impl Progress {
    /// Notes that a receiver has everything up to `sequence`; returns what all have.
    fn reach(&self, index: usize, sequence: u64) -> u64 {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = reached.get_mut(index) {
            *mine = sequence;
        }
        reached.iter().copied().min().unwrap_or(0)
    }
}

/// The disk is asked on a thread that may wait for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

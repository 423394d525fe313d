//! One attempt to deliver one webhook to one receiver.

use crate::token;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Url, redirect};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vocab::{Redacted, UnixMillis};

/// How long a receiver may take for its whole answer. It should only note the event; a slow one
/// holds up its own queue.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const CONTENT: &str = "application/webhook+json";

/// Why an attempt failed; also the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody listens, or TLS failed.
    Connect,
    /// No answer in time.
    Timeout,
    /// A redirect: a signed body goes where the operator said and nowhere else.
    Redirect,
    /// Any other answer than 2xx.
    Status,
    /// The answer broke off or made no sense.
    Protocol,
}

impl Failure {
    /// The label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Redirect => "redirect",
            Self::Status => "status",
            Self::Protocol => "protocol",
        }
    }
}

/// Who signs.
pub(crate) struct Signer {
    pub(crate) key: String,
    pub(crate) secret: Redacted<String>,
}

/// The client for all receivers: no redirects, and no proxy from the environment.
pub(crate) fn client(timeout: Duration) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .connect_timeout(timeout)
        .user_agent("ringward")
        .build()
}

/// Posts `body` to `url`; `Ok` if the receiver took it (2xx). Its answer's body is not read.
pub(crate) async fn post(
    client: &Client,
    url: &Url,
    signer: &Signer,
    body: Vec<u8>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let token = token::sign(&body, &signer.key, signer.secret.expose(), now());
    let request = client
        .post(url.clone())
        .header(CONTENT_TYPE, CONTENT)
        .header(AUTHORIZATION, token)
        .body(body);
    let answer = request.send().await;
    metrics::histogram!("ringward_webhook_seconds").record(began.elapsed().as_secs_f64());
    let status = answer.map_err(|error| classify(&error))?.status();
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        Err(Failure::Redirect)
    } else {
        Err(Failure::Status)
    }
}

fn classify(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Connect
    } else {
        Failure::Protocol
    }
}

/// A clock before 1970 makes tokens that receivers refuse; the webhooks wait until it is set.
fn now() -> UnixMillis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(since.as_millis() as u64)
}

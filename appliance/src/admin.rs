//! The way to the running box: its admin socket, a Unix socket in the data folder.

use crate::cli::BoxArguments;
use crate::installed;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The socket's name inside the data folder.
pub(crate) const SOCKET_NAME: &str = "admin.sock";

/// A box that does not answer a local question within this is stuck, and saying so helps more.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to one running box.
pub(crate) struct Admin {
    client: reqwest::Client,
    socket: PathBuf,
}

impl Admin {
    /// Finds the box by its socket or its data folder.
    pub(crate) fn at(arguments: &BoxArguments) -> Result<Self> {
        let socket = arguments
            .socket
            .clone()
            .unwrap_or_else(|| installed::data(arguments.data.as_deref()).join(SOCKET_NAME));
        reachable(&socket)?;
        let client = reqwest::Client::builder()
            .unix_socket(socket.as_path())
            // No TLS on a socket of this machine: a Debian without ca-certificates will do.
            .tls_certs_only([])
            .connect_timeout(ANSWER_TIMEOUT)
            .read_timeout(ANSWER_TIMEOUT)
            .build()
            .context("the HTTP client could not be built")?;
        Ok(Self { client, socket })
    }

    /// `GET path`, with query parameters.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        let answer = self.ask(path, query).await?;
        let body = answer
            .bytes()
            .await
            .context("the box broke off its answer")?;
        serde_json::from_slice(&body).context("the box's answer is not JSON")
    }

    /// `GET path` whose answer stays open, one line at a time.
    pub(crate) async fn lines(&self, path: &str, query: &[(&str, String)]) -> Result<Lines> {
        Ok(Lines {
            answer: self.ask(path, query).await?,
            read: Vec::new(),
        })
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut url = reqwest::Url::parse("http://ringward").context("a literal address")?;
        url.set_path(path);
        let asked = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = asked
            .send()
            .await
            .with_context(|| format!("the box behind {} does not answer", self.socket.display()))?;
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        bail!(
            "the box refuses: {}",
            body["detail"].as_str().unwrap_or(status.as_str())
        );
    }

    async fn ask(&self, path: &str, query: &[(&str, String)]) -> Result<reqwest::Response> {
        let mut url = reqwest::Url::parse("http://ringward").context("a literal address")?;
        url.set_path(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.granted(self.client.get(url)).await
    }

    /// A request that changes something; what the box answers is not read.
    pub(crate) async fn change(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<()> {
        let mut url = reqwest::Url::parse("http://ringward").context("a literal address")?;
        url.set_path(path);
        let body = serde_json::to_vec(body).context("the request cannot be written")?;
        let request = self
            .client
            .request(method, url)
            .header("content-type", "application/json")
            .body(body);
        self.granted(request).await.map(drop)
    }

    /// The answer, unless it is a refusal.
    async fn granted(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response> {
        let answer = request
            .send()
            .await
            .with_context(|| format!("the box behind {} does not answer", self.socket.display()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = answer.bytes().await.unwrap_or_default();
        let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
        bail!(
            "the box refuses: {}",
            problem["detail"].as_str().unwrap_or(status.as_str())
        );
    }
}

impl Admin {
    /// `GET path`; `Err` with the box's words when it knows nothing of it.
    pub(crate) async fn find(&self, path: &str) -> Result<Result<Value, String>> {
        let mut url = reqwest::Url::parse("http://ringward").context("a literal address")?;
        url.set_path(path);
        let answer =
            self.client.get(url).send().await.with_context(|| {
                format!("the box behind {} does not answer", self.socket.display())
            })?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .context("the box broke off its answer")?;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            reqwest::StatusCode::NOT_FOUND => {
                Ok(Err(value["detail"].as_str().unwrap_or_default().to_owned()))
            }
            status if status.is_success() => Ok(Ok(value)),
            status => bail!(
                "the box refuses: {}",
                value["detail"].as_str().unwrap_or(status.as_str())
            ),
        }
    }
}

/// An answer that arrives line by line.
pub(crate) struct Lines {
    answer: reqwest::Response,
    read: Vec<u8>,
}

impl Lines {
    /// The next line that says something; `None` when the box closed the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    return Ok(Some(line));
                }
            }
            match self.answer.chunk().await.context("the box went away")? {
                Some(bytes) => self.read.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

fn reachable(socket: &Path) -> Result<()> {
    std::os::unix::net::UnixStream::connect(socket)
        .map(drop)
        .with_context(|| {
            format!(
                "no box answers at {}; start one with `ringward serve`, or say where it is with \
             --data DIR or --socket PATH",
                socket.display()
            )
        })
}

/// Runs one conversation with a box.
pub(crate) fn block_on<T>(conversation: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")?
        .block_on(conversation)
}

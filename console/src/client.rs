//! The way to one box: HTTP over its Unix socket, or HTTPS with an operator's account.

mod feed;
mod serve;

pub(crate) use feed::feed;
pub(crate) use serve::serve;

use crate::ingest::{self, MAX_ANSWER_BYTES};
use crate::settings::{Endpoint, Place};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Method, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Mutex;
use std::time::Duration;
use vocab::Redacted;
use wire::Problem;

/// A box that takes no connection for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A question that is not answered for so long will not be: an action's deadline is 10 s.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A stream says something every second; silent for so long it is dead.
const STREAM_SILENCE: Duration = Duration::from_secs(10);

/// Why a box did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// It wants an account, or another one.
    #[error("{0}")]
    Unauthenticated(String),
    /// It says no.
    #[error("{0}")]
    Refused(String),
    /// It does not know the question: an older box.
    #[error("this box does not know {0} yet; it runs an older version")]
    Unknown(String),
    /// It says what cannot be read.
    #[error(transparent)]
    Broken(#[from] ingest::IngestError),
    /// It says too much.
    #[error("the box's answer is larger than {} MiB", MAX_ANSWER_BYTES >> 20)]
    TooLarge,
}

/// Why a way could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The file with the hospital's CA.
    #[error("{file}: {why}")]
    Authority {
        /// Its name.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// TLS or the runtime.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// A way to one box.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    place: String,
    token: Mutex<Option<Redacted<String>>>,
}

impl Client {
    /// Prepares the way; nothing is sent yet.
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Self, OpenError> {
        let failed = |error: reqwest::Error| OpenError::Client(reason(&error));
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let (builder, base) = match &endpoint.place {
            Place::Socket(path) => (
                builder.unix_socket(path.as_path()),
                "http://ringward/".to_owned(),
            ),
            Place::Https(url) => {
                let builder = builder.https_only(true);
                let builder = match &endpoint.authority {
                    Some(file) => builder.tls_certs_merge(authority(file)?),
                    None => builder,
                };
                (builder, url.clone())
            }
        };
        let base = Url::parse(&base).map_err(|error| OpenError::Client(error.to_string()))?;
        Ok(Self {
            http: builder.build().map_err(failed)?,
            base,
            place: endpoint.place.to_string(),
            token: Mutex::new(None),
        })
    }

    /// `GET`, one value.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, AskError> {
        let request = self
            .request(Method::GET, path, query)
            .timeout(ANSWER_TIMEOUT);
        let answer = self.send(request, path).await?;
        Ok(ingest::value(&body(answer).await?)?)
    }

    /// `POST` a value, get another.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        value: &impl Serialize,
    ) -> Result<T, AskError> {
        let request = self
            .request(Method::POST, path, &[])
            .timeout(ANSWER_TIMEOUT);
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(value).map_err(|error| AskError::Refused(error.to_string()))?);
        let answer = self.send(request, path).await?;
        Ok(ingest::value(&body(answer).await?)?)
    }

    /// `PUT` without a value.
    pub(crate) async fn put(&self, path: &[&str]) -> Result<(), AskError> {
        let request = self.request(Method::PUT, path, &[]).timeout(ANSWER_TIMEOUT);
        self.send(request, path).await.map(drop)
    }

    /// `GET` that stays open, line by line.
    pub(crate) async fn lines(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Lines, AskError> {
        let request = self.request(Method::GET, path, query);
        let sent = tokio::time::timeout(ANSWER_TIMEOUT, self.send(request, path));
        let answer = sent.await.map_err(|_| self.silent())??;
        Ok(Lines {
            answer,
            read: Vec::new(),
            searched: 0,
            place: self.place.clone(),
        })
    }

    /// Keeps the token of an account in memory, and nowhere else.
    pub(crate) fn set_token(&self, token: String) {
        let mut kept = self
            .token
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *kept = Some(Redacted::new(token));
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> reqwest::RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url);
        let token = self
            .token
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        path: &[&str],
    ) -> Result<Response, AskError> {
        let answer = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let said = body(answer)
            .await
            .ok()
            .and_then(|bytes| ingest::value::<Problem>(&bytes).ok());
        let said = said.map(|problem| problem.detail);
        Err(match status {
            StatusCode::UNAUTHORIZED => {
                AskError::Unauthenticated(said.unwrap_or_else(|| "an account is needed".to_owned()))
            }
            StatusCode::NOT_FOUND if said.is_none() => {
                AskError::Unknown(format!("/{}", path.join("/")))
            }
            _ => AskError::Refused(said.unwrap_or_else(|| format!("the box answers {status}"))),
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> AskError {
        AskError::Unreachable(format!("{}: {}", self.place, reason(error)))
    }

    fn silent(&self) -> AskError {
        AskError::Unreachable(format!("{}: it does not answer", self.place))
    }
}

/// What lies at the bottom of an error: the sentence of the kernel or of TLS.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    ingest::text(&cause.to_string())
}

fn authority(file: &std::path::Path) -> Result<Vec<Certificate>, OpenError> {
    let wrong = |why: String| OpenError::Authority {
        file: ingest::text(&file.to_string_lossy()),
        why,
    };
    let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(reason(&error)))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

async fn body(mut answer: Response) -> Result<Vec<u8>, AskError> {
    let mut bytes = Vec::new();
    let broke = |error: reqwest::Error| AskError::Unreachable(reason(&error));
    while let Some(chunk) = answer.chunk().await.map_err(broke)? {
        if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AskError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An answer that arrives line by line.
#[derive(Debug)]
pub(crate) struct Lines {
    answer: Response,
    read: Vec<u8>,
    /// Bytes of `read` that are known to hold no end of a line.
    searched: usize,
    place: String,
}

impl Lines {
    /// The next line that says something.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, AskError> {
        loop {
            while let Some(line) = self.take_line() {
                if !line.is_empty() {
                    return Ok(line);
                }
            }
            if self.read.len() > MAX_ANSWER_BYTES {
                return Err(AskError::TooLarge);
            }
            let gone = |why: &str| AskError::Unreachable(format!("{}: {why}", self.place));
            let chunk = tokio::time::timeout(STREAM_SILENCE, self.answer.chunk());
            match chunk.await {
                Err(_) => return Err(gone("it fell silent")),
                Ok(Err(error)) => return Err(gone(&reason(&error))),
                Ok(Ok(None)) => return Err(gone("it closed the connection")),
                Ok(Ok(Some(bytes))) => self.read.extend_from_slice(&bytes),
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let unsearched = self.read.get(self.searched..)?;
        let Some(end) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.read.len();
            return None;
        };
        let mut line: Vec<u8> = self.read.drain(..=self.searched + end).collect();
        self.searched = 0;
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(line)
    }
}

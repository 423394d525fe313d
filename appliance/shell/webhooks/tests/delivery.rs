//! A real outbox, a real HTTP receiver, and everything a receiver can do wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use auth::{Keys, verify};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ringward_webhooks::{Webhooks, WebhooksConfig};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{OutboxReader, Store, StoreOptions};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use vocab::{Redacted, UnixMillis};

#[tokio::test]
async fn a_webhook_is_signed_over_its_exact_body() {
    let mut receiver = Receiver::listen([]).await;
    let (_folder, mut store) = open();
    let sender = send(&store, &[&receiver.url("/hook")]);
    push(&mut store, [r#"{"event":"room_started"}"#]);

    let request = receiver.next().await;
    assert_eq!(request.line, "POST /hook HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/webhook+json");
    assert_eq!(request.body, r#"{"event":"room_started"}"#);
    let token = request.header("authorization");
    let mut keys = Keys::new();
    keys.add("devkey", "secret").unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    verify(token, &keys, UnixMillis(now as u64)).unwrap();
    let payload = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, request.body.as_bytes());
    assert_eq!(claims["sha256"], STANDARD.encode(hash));
    emptied(&store.outbox_reader()).await;
    sender.stop().await;
}

#[tokio::test]
async fn order_is_kept_through_every_kind_of_failure_and_nothing_is_lost() {
    use Answer::{Close, Hang, Redirect, Status};
    let mut receiver = Receiver::listen([
        Status(500),
        Status(200),
        Hang,
        Close,
        Status(404),
        Status(204),
        Redirect,
        Status(503),
        Status(200),
        Hang,
    ])
    .await;
    let (_folder, mut store) = open();
    let sender = send_within(Duration::from_millis(300), &store, &[&receiver.url("/")]);
    push(&mut store, ["1", "2", "3", "4"]);
    emptied(&store.outbox_reader()).await;
    sender.stop().await;
    let mut seen = Vec::new();
    while let Ok(request) = receiver.requests.try_recv() {
        seen.push(request.body);
    }
    // Eleven by the script; a busy machine may time out once more, which must not matter.
    assert!(seen.len() >= 11, "{seen:?}");
    seen.dedup();
    assert_eq!(seen, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut elsewhere = Receiver::listen([]).await;
    let mut receiver = Receiver::listen([Answer::RedirectTo(elsewhere.url("/"))]).await;
    let (_folder, mut store) = open();
    let sender = send(&store, &[&receiver.url("/")]);
    push(&mut store, ["1"]);
    receiver.next().await;
    receiver.next().await;
    emptied(&store.outbox_reader()).await;
    assert!(elsewhere.requests.try_recv().is_err());
    sender.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_everything_when_it_is_back() {
    let address = Receiver::listen([]).await.stop().await;
    let (_folder, mut store) = open();
    let sender = send(&store, &[&format!("http://{address}/")]);
    push(&mut store, ["1", "2", "3"]);
    let mut receiver = Receiver::listen_on(address, []).await;
    for want in ["1", "2", "3"] {
        assert_eq!(receiver.next().await.body, want);
    }
    emptied(&store.outbox_reader()).await;
    sender.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_box_keeps_the_queue() {
    let mut receiver = Receiver::listen([Answer::Status(200), Answer::Hang]).await;
    let (folder, mut store) = open();
    let sender = send(&store, &[&receiver.url("/")]);
    push(&mut store, ["1", "2", "3"]);
    assert_eq!(receiver.next().await.body, "1");
    // "2" is on its way, unanswered, when the box stops.
    assert_eq!(receiver.next().await.body, "2");
    sender.stop().await;
    drop(store);

    let mut store = reopen(folder.path());
    let sender = send(&store, &[&receiver.url("/")]);
    push(&mut store, ["4"]);
    for want in ["2", "3", "4"] {
        assert_eq!(receiver.next().await.body, want);
    }
    emptied(&store.outbox_reader()).await;
    sender.stop().await;
}

#[tokio::test]
async fn every_receiver_gets_everything_and_a_dead_one_holds_up_nobody_else() {
    let mut quick = Receiver::listen([]).await;
    let address = Receiver::listen([]).await.stop().await;
    let (_folder, mut store) = open();
    let sender = send(&store, &[&quick.url("/"), &format!("http://{address}/")]);
    push(&mut store, ["1", "2"]);
    for want in ["1", "2"] {
        assert_eq!(quick.next().await.body, want);
    }
    assert_eq!(store.outbox_reader().waiting().0, 2, "kept for the other");
    let mut slow = Receiver::listen_on(address, []).await;
    for want in ["1", "2"] {
        assert_eq!(slow.next().await.body, want);
    }
    emptied(&store.outbox_reader()).await;
    assert!(quick.requests.try_recv().is_err(), "nothing is sent twice");
    sender.stop().await;
}

/// What the receiver does with one request; beyond the script it answers 200.
enum Answer {
    Status(u16),
    Redirect,
    RedirectTo(String),
    Close,
    /// No answer, the connection stays open.
    Hang,
}

struct Receiver {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Request>,
    task: JoinHandle<()>,
}

struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Receiver {
    async fn listen(script: impl IntoIterator<Item = Answer>) -> Self {
        Self::listen_on("127.0.0.1:0".parse().unwrap(), script).await
    }

    async fn listen_on(address: SocketAddr, script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let (sender, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(request) = read(&mut stream).await else {
                    continue;
                };
                let answer = script
                    .lock()
                    .unwrap()
                    .pop_front()
                    .unwrap_or(Answer::Status(200));
                let head = match answer {
                    Answer::Status(status) => format!("{status} Said"),
                    Answer::Redirect => "307 Elsewhere\r\nlocation: /other".to_owned(),
                    Answer::RedirectTo(url) => format!("308 Elsewhere\r\nlocation: {url}"),
                    Answer::Close => String::new(),
                    Answer::Hang => {
                        open.push(stream);
                        if sender.send(request).is_err() {
                            return;
                        }
                        continue;
                    }
                };
                if !head.is_empty() {
                    let text = format!(
                        "HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(text.as_bytes()).await;
                }
                drop(stream);
                if sender.send(request).is_err() {
                    return;
                }
            }
        });
        Self {
            address,
            requests,
            task,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn next(&mut self) -> Request {
        self.requests.recv().await.unwrap()
    }

    /// Closes the port and returns its address.
    async fn stop(self) -> SocketAddr {
        self.task.abort();
        let _ = self.task.await;
        self.address
    }
}

impl Request {
    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(n, _)| n == name).unwrap().1
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let mut lines = head.split("\r\n");
        let line = lines.next()?.to_owned();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length")?;
        if body.len() == length.1.parse::<usize>().unwrap() {
            return Some(Request {
                line,
                body: body.to_owned(),
                headers,
            });
        }
    }
}

struct Sender {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sender {
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// With a timeout that no test waits for.
fn send(store: &Store, urls: &[&str]) -> Sender {
    send_within(Duration::from_mins(1), store, urls)
}

fn send_within(timeout: Duration, store: &Store, urls: &[&str]) -> Sender {
    let urls = urls.iter().map(|url| (*url).to_owned()).collect();
    let config = WebhooksConfig {
        timeout,
        first_retry: Duration::from_millis(1),
        max_retry: Duration::from_millis(20),
        ..WebhooksConfig::new(
            urls,
            "devkey".to_owned(),
            Redacted::new("secret".to_owned()),
        )
    };
    let webhooks = Webhooks::new(config, store.outbox_reader()).unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(webhooks.run(async move {
        let _ = stopped.await;
    }));
    Sender { stop, task }
}

/// Waits until everything pushed is delivered and erased.
async fn emptied(outbox: &OutboxReader) {
    while outbox.waiting().0 > 0 {
        tokio::task::yield_now().await;
    }
}

fn push<const N: usize>(store: &mut Store, bodies: [&str; N]) {
    for body in bodies {
        store.outbox().push(body.as_bytes()).unwrap();
    }
    store.commit().unwrap();
}

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = reopen(folder.path());
    (folder, store)
}

fn reopen(folder: &Path) -> Store {
    let options = StoreOptions {
        ballast_bytes: 0,
        ..StoreOptions::default()
    };
    Store::open_with(folder, UnixMillis(0), &options).unwrap().0
}

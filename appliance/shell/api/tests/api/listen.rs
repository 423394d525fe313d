//! Hostile connections.

use crate::harness::TestBox;
use api::ConnectionLimits;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn ask(address: std::net::SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// A14: heads that never end are cut by hyper's timer, which `axum::serve` does not start.
#[tokio::test]
async fn a_head_that_never_ends_is_cut_and_others_are_served() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        slow.push(stream);
    }
    assert!(
        ask(served.address, HEALTH)
            .await
            .starts_with("HTTP/1.1 200")
    );
    for mut stream in slow {
        // Read to the end of the connection: without a header timeout this never returns.
        let mut rest = Vec::new();
        let cut = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest));
        cut.await.expect("the connection is cut").unwrap();
    }
}

#[tokio::test]
async fn one_address_gets_only_its_share_of_connections() {
    let a_box = TestBox::new();
    let served = a_box
        .serve(ConnectionLimits {
            total: 4,
            per_address: 2,
        })
        .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        held.push(stream);
    }
    let mut third = TcpStream::connect(served.address).await.unwrap();
    let mut answer = Vec::new();
    // Closed or reset, never answered.
    let _ = third.write_all(HEALTH.as_bytes()).await;
    let _ = third.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let headers = "x: y\r\n".repeat(api::config::MAX_HEADERS + 1);
    let answer = ask(served.address, &format!("GET / HTTP/1.1\r\n{headers}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");

    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let long = format!(
        "GET / HTTP/1.1\r\nx: {}",
        "y".repeat(api::config::MAX_HEAD_BYTES)
    );
    let mut answer = String::new();
    // The box may reset the connection under what it refuses to read.
    let _ = stream.write_all(long.as_bytes()).await;
    let _ = stream.read_to_string(&mut answer).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
}

#[tokio::test]
async fn http2_is_not_spoken() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let answer = ask(served.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(
        !answer.starts_with("HTTP/2") && !answer.contains(" 200 "),
        "{answer}"
    );
}

#[tokio::test]
async fn a_stopping_box_lets_its_connections_go() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    let address = served.address;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut byte = [0];
    idle.read_exact(&mut byte).await.unwrap();
    served.stop().await;
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

/// Something between lets connections open and nothing through.
#[tokio::test]
async fn a_connection_on_which_nothing_is_said_is_an_attempt_and_a_closed_one_is_none() {
    let a_box = TestBox::new();
    let served = a_box.serve(ConnectionLimits::default()).await;
    drop(TcpStream::connect(served.address).await.unwrap());
    let mut mute = TcpStream::connect(served.address).await.unwrap();
    let own = mute.local_addr().unwrap().to_string();
    let mut byte = [0];
    let closed = tokio::time::timeout(Duration::from_secs(30), mute.read(&mut byte));
    assert_eq!(closed.await.expect("it is closed").unwrap(), 0);
    let all = a_box.admin_get("/admin/attempts").await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    assert_eq!(all[0]["finding"]["code"], "SIGNAL-TIMEOUT", "{all}");
    assert_eq!(all[0]["attempt"]["remote"], own, "{all}");
}

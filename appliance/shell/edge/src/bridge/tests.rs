#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40_000);

/// A Binding request, as far as anybody here looks.
const CHECK: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

/// Two media threads, and a client's connection that is carried to them.
struct Carried {
    bridge: Bridge,
    threads: [UdpSocket; 2],
    client: TcpStream,
    task: tokio::task::JoinHandle<Closed>,
}

async fn carried() -> Carried {
    let threads = [
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
        UdpSocket::bind("127.0.0.1:0").await.unwrap(),
    ];
    let bound: Vec<_> = threads.iter().map(|t| t.local_addr().unwrap()).collect();
    let bridge = Bridge::new(&bound);
    let carrying = bridge.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let task = tokio::spawn(async move { carrying.carry(stream, CLIENT).await });
    Carried {
        bridge,
        threads,
        client,
        task,
    }
}

impl Carried {
    /// The connection may be closed already.
    async fn send(&mut self, datagram: &[u8]) {
        let head = framing::head(datagram.len());
        let _ = self.client.write_all(&[&head, datagram].concat()).await;
    }

    async fn heard(&self, thread: usize) -> (Vec<u8>, SocketAddr) {
        let mut bytes = [0; MAX_DATAGRAM_BYTES];
        let (length, from) = self.threads[thread].recv_from(&mut bytes).await.unwrap();
        (bytes[..length].to_vec(), from)
    }

    async fn told(&mut self) -> Vec<u8> {
        let length = self.client.read_u16().await.unwrap();
        let mut bytes = vec![0; length.into()];
        self.client.read_exact(&mut bytes).await.unwrap();
        bytes
    }
}

#[tokio::test]
async fn the_thread_that_answers_gets_everything_from_then_on() {
    let mut carried = carried().await;
    carried.send(&CHECK).await;
    let (check, from) = carried.heard(0).await;
    assert_eq!(check, CHECK);
    assert!(vocab::is_stand_in(from.ip()), "{from}");
    assert_eq!(carried.bridge.client_of(from), Some(CLIENT));
    assert_eq!(carried.heard(1).await.0, CHECK, "each thread is asked");
    carried.threads[1].send_to(b"answer", from).await.unwrap();
    assert_eq!(carried.told().await, b"answer");
    carried.send(b"media").await;
    assert_eq!(carried.heard(1).await.0, b"media");
    // The other one has heard nothing since, and is not listened to.
    let nothing = carried.threads[0].try_recv_from(&mut [0; 8]).unwrap_err();
    assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
    carried.threads[0].send_to(b"intruder", from).await.unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    stranger.send_to(b"stranger", from).await.unwrap();
    carried.threads[1].send_to(b"more", from).await.unwrap();
    assert_eq!(carried.told().await, b"more");
}

#[tokio::test]
async fn datagrams_keep_their_bounds_in_both_directions() {
    let mut carried = carried().await;
    carried.send(&CHECK).await;
    let (_, from) = carried.heard(0).await;
    carried.threads[0].send_to(b"answer", from).await.unwrap();
    carried.told().await;
    for length in [1, 255, 256, 1_200, MAX_DATAGRAM_BYTES] {
        let datagram = vec![7; length];
        carried.send(&datagram).await;
        assert_eq!(carried.heard(0).await.0, datagram, "up {length}");
        carried.threads[0].send_to(&datagram, from).await.unwrap();
        assert_eq!(carried.told().await, datagram, "down {length}");
    }
}

#[tokio::test]
async fn before_an_answer_only_checks_pass() {
    for foreign in [
        &b"\x00\x04rtp?"[..],
        b"\x00\x00",
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\n",
    ] {
        let mut carried = carried().await;
        carried.client.write_all(foreign).await.unwrap();
        assert_eq!(carried.task.await.unwrap(), Closed::Foreign, "{foreign:?}");
        let nothing = carried.threads[0].try_recv_from(&mut [0; 8]);
        assert!(nothing.is_err(), "{foreign:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whom_nobody_answers_is_closed_though_he_goes_on_asking() {
    let mut carried = carried().await;
    let began = tokio::time::Instant::now();
    while !carried.task.is_finished() && began.elapsed() < OPENING * 2 {
        carried.send(&CHECK).await;
        tokio::time::sleep(OPENING / 8).await;
    }
    assert_eq!((&mut carried.task).await.unwrap(), Closed::Unanswered);
    assert!(
        began.elapsed() <= OPENING + OPENING / 4,
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_client_that_closes_is_gone_at_once() {
    let mut carried = carried().await;
    carried.send(&CHECK).await;
    let (_, from) = carried.heard(0).await;
    drop(carried.client);
    assert_eq!(carried.task.await.unwrap(), Closed::Gone);
    assert_eq!(carried.bridge.client_of(from), None);
}

#[test]
fn a_client_has_one_stand_in_and_the_first_byte_tells_ice_from_tls_and_http() {
    let bridge = Bridge::new(&[]);
    let client = IpAddr::from([192, 0, 2, 7]);
    assert_eq!(bridge.stand_in(client), bridge.stand_in(client));
    assert!(vocab::is_stand_in(bridge.stand_in(client).into()));
    for (first, ice) in [(0, true), (4, true), (5, false), (22, false), (b'G', false)] {
        assert_eq!(Bridge::speaks(first), ice, "{first}");
    }
}

#[test]
fn each_thread_is_reached_at_one_address_over_ipv4_where_there_is() {
    let bound: Vec<SocketAddr> = [
        "[::1]:7882",
        "10.0.0.5:7882",
        "127.0.0.1:7882",
        "[fd00::1]:7883",
    ]
    .iter()
    .map(|text| text.parse().unwrap())
    .collect();
    let want: Vec<SocketAddr> = vec![bound[1], bound[3]];
    assert_eq!(*Bridge::new(&bound).threads, *want);
}

/// A client that takes nothing for a while: every voice arrives, in order; pictures are shed, the
/// oldest first.
#[tokio::test]
async fn a_slow_client_loses_pictures_before_voices() {
    const ROUNDS: u16 = 1_000;
    let mut carried = carried().await;
    SockRef::from(&carried.client)
        .set_recv_buffer_size(4_096)
        .unwrap();
    carried.send(&CHECK).await;
    let (_, from) = carried.heard(0).await;
    carried.threads[0].send_to(b"answer", from).await.unwrap();
    carried.told().await;
    for round in 0..ROUNDS {
        for (ssrc, bytes) in [(1, 1_100), (2, 100)] {
            let packet = rtp(ssrc, bytes, round);
            carried.threads[0].send_to(&packet, from).await.unwrap();
            // The bridge has its turn, as it has beside a real thread.
            tokio::task::yield_now().await;
        }
    }
    let (mut voices, mut pictures) = (Vec::new(), Vec::new());
    while voices.last() != Some(&(ROUNDS - 1)) || pictures.last() != Some(&(ROUNDS - 1)) {
        let frame = carried.told().await;
        let round = u16::from_be_bytes([frame[2], frame[3]]);
        if frame[11] == 2 {
            voices.push(round);
        } else {
            pictures.push(round);
        }
    }
    assert_eq!(voices, (0..ROUNDS).collect::<Vec<_>>());
    assert!(
        pictures.len() < usize::from(ROUNDS) / 2,
        "{}",
        pictures.len()
    );
    assert!(pictures.is_sorted());
}

/// A packet of that stream; the sequence number is the round.
fn rtp(ssrc: u8, bytes: usize, round: u16) -> Vec<u8> {
    let mut packet = vec![0; bytes];
    packet[..2].copy_from_slice(&[0x80, 96]);
    packet[2..4].copy_from_slice(&round.to_be_bytes());
    packet[11] = ssrc;
    packet
}

//! What every reactor must do, run over all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use net::{
    Backend, BackendChoice, Counters, DropCause, MAX_DATAGRAM_BYTES, OpenReactorError, Reactor,
    SocketIndex, SocketOptions, open, open_with, sim,
};
use ringward_net as net;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const V4: &str = "127.0.0.1:0";
const V6: &str = "[::1]:0";
const FIRST: SocketIndex = SocketIndex(0);

/// Turns after which a test gives up waiting for what must come.
const MAX_TURNS: usize = 2_000;

/// A turn's longest wait in tests; only reached when something is missing.
const PATIENCE: Duration = Duration::from_millis(20);

/// Where the reactors of one test come from.
trait Rig {
    fn new() -> Self;
    fn open_with(&self, addrs: &[&str], options: SocketOptions) -> Box<dyn Reactor>;
    fn backend() -> Backend;

    fn open(&self, addrs: &[&str]) -> Box<dyn Reactor> {
        self.open_with(addrs, SocketOptions::default())
    }
}

fn parse(addrs: &[&str]) -> Vec<SocketAddr> {
    addrs.iter().map(|text| text.parse().unwrap()).collect()
}

struct Uring;

impl Rig for Uring {
    fn new() -> Self {
        Self
    }

    fn open_with(&self, addrs: &[&str], options: SocketOptions) -> Box<dyn Reactor> {
        open_or_explain(BackendChoice::Uring, &parse(addrs), options)
    }

    fn backend() -> Backend {
        Backend::Uring
    }
}

struct Portable;

impl Rig for Portable {
    fn new() -> Self {
        Self
    }

    fn open_with(&self, addrs: &[&str], options: SocketOptions) -> Box<dyn Reactor> {
        open_or_explain(BackendChoice::Portable, &parse(addrs), options)
    }

    fn backend() -> Backend {
        Backend::Portable
    }
}

struct Sim(sim::Network);

impl Rig for Sim {
    fn new() -> Self {
        Self(sim::Network::new(4711))
    }

    fn open_with(&self, addrs: &[&str], _options: SocketOptions) -> Box<dyn Reactor> {
        Box::new(self.0.open(&parse(addrs)).unwrap())
    }

    fn backend() -> Backend {
        Backend::Sim
    }
}

fn open_or_explain(
    choice: BackendChoice,
    addrs: &[SocketAddr],
    options: SocketOptions,
) -> Box<dyn Reactor> {
    match open_with(choice, addrs, options) {
        Ok((reactor, _)) => reactor,
        Err(error) => panic!("{choice:?} cannot be tested here: {error}"),
    }
}

fn send(reactor: &mut dyn Reactor, to: SocketAddr, bytes: &[u8]) {
    reactor
        .reserve(FIRST, to, bytes.len())
        .expect("arena has room")
        .copy_from_slice(bytes);
}

/// A datagram of `len` bytes that carries a number.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![0x5A; len];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// Turns until `count` datagrams came, and returns them with their senders.
fn receive(reactor: &mut dyn Reactor, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut received = Vec::new();
    for _ in 0..MAX_TURNS {
        if received.len() >= count {
            break;
        }
        reactor
            .turn(Some(PATIENCE), &mut |datagram| {
                received.push((datagram.remote, datagram.bytes.to_vec()));
            })
            .unwrap();
    }
    assert_eq!(received.len(), count, "{:?}", reactor.counters());
    received
}

/// Everything that can be had without waiting for more.
fn receive_ready(reactor: &mut dyn Reactor, into: &mut Vec<Vec<u8>>) {
    loop {
        let mut keep = |datagram: net::Received<'_>| into.push(datagram.bytes.to_vec());
        if reactor
            .turn(Some(Duration::ZERO), &mut keep)
            .unwrap()
            .received
            == 0
        {
            return;
        }
    }
}

fn train_count(counters: &Counters) -> u64 {
    counters.train_lengths[1..].iter().sum()
}

fn a_datagram_is_answered<R: Rig>(address: &str) {
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[address]), rig.open(&[address]));
    assert_eq!(server.backend(), R::backend());
    let (here, there) = (client.local_addrs()[0], server.local_addrs()[0]);

    send(&mut *client, there, b"how are you");
    client.flush().unwrap();
    assert_eq!(receive(&mut *server, 1), [(here, b"how are you".to_vec())]);
    send(&mut *server, here, b"well");
    server.flush().unwrap();
    assert_eq!(receive(&mut *client, 1), [(there, b"well".to_vec())]);

    let counters = client.counters();
    assert_eq!((counters.datagrams_in, counters.bytes_in), (1, 4));
    assert_eq!((counters.datagrams_out, counters.bytes_out), (1, 11));
}

fn several_sockets_keep_apart<R: Rig>() {
    let rig = R::new();
    let mut server = rig.open(&[V4, V6, V4]);
    let mut client = rig.open(&[V4, V6]);
    let locals = server.local_addrs().to_vec();
    for (from, to, byte) in [(0, 0, 10), (1, 1, 11), (0, 2, 12)] {
        let room = client.reserve(SocketIndex(from), locals[to], 1).unwrap();
        room.copy_from_slice(&[byte]);
    }
    client.flush().unwrap();
    let mut seen = Vec::new();
    for _ in 0..MAX_TURNS {
        server
            .turn(Some(PATIENCE), &mut |d| seen.push((d.socket.0, d.bytes[0])))
            .unwrap();
        if seen.len() == 3 {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [(0, 10), (1, 11), (2, 12)]);
}

fn what_cannot_be_sent_is_refused_and_counted<R: Rig>() {
    let rig = R::new();
    let mut reactor = rig.open(&[V4]);
    let v4 = reactor.local_addrs()[0];
    assert!(reactor.reserve(FIRST, v4, 0).is_none());
    assert!(reactor.reserve(FIRST, v4, MAX_DATAGRAM_BYTES + 1).is_none());
    assert!(reactor.reserve(FIRST, v4, MAX_DATAGRAM_BYTES).is_some());
    assert!(reactor.reserve(SocketIndex(1), v4, 1).is_none());
    assert!(
        reactor
            .reserve(FIRST, "[::1]:9".parse().unwrap(), 1)
            .is_none()
    );
    let counters = reactor.counters();
    assert_eq!(counters.dropped(DropCause::Oversized), 2);
    assert_eq!(counters.dropped(DropCause::WrongSocket), 2);
}

fn interleaved_trains_arrive_whole_and_in_order<R: Rig>() {
    let rig = R::new();
    let mut client = rig.open(&[V4]);
    let mut servers: Vec<_> = (0..4).map(|_| rig.open(&[V4])).collect();
    let lengths = [
        1_200, 1_200, 1_200, 300, 1_199, 1_200, 1_200, 60, 60, 60, 61,
    ];
    // Twice: the first train to a destination takes another path than the later ones.
    for round in 0..2 {
        for (number, len) in lengths.into_iter().enumerate() {
            for server in &servers {
                let to = server.local_addrs()[0];
                send(
                    &mut *client,
                    to,
                    &numbered(round * 100 + number as u32, len),
                );
            }
        }
        client.flush().unwrap();
    }
    for server in &mut servers {
        let got: Vec<_> = receive(&mut **server, 2 * lengths.len())
            .iter()
            .map(|(_, bytes)| (number(bytes), bytes.len()))
            .collect();
        let want: Vec<_> = [0, 100]
            .into_iter()
            .flat_map(|base| (0..).zip(lengths).map(move |(n, len)| (base + n, len)))
            .collect();
        assert_eq!(got, want);
    }
    let counters = client.counters();
    assert_eq!(counters.datagrams_out, 2 * 4 * lengths.len() as u64);
    // 1,200 × 3 + 300 · 1,199 · 1,200 × 2 + 60 · 60 × 2 · 61, eight times
    assert_eq!(counters.train_lengths, [16, 16, 8, 0, 0, 0]);
}

fn ten_thousand_datagrams_arrive_when_they_are_drained<R: Rig>() {
    const CHUNK: u32 = 100;
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[V4]), rig.open(&[V4]));
    let to = server.local_addrs()[0];
    let mut next = 0;
    for start in (0..10_000).step_by(CHUNK as usize) {
        for number in start..start + CHUNK {
            send(
                &mut *client,
                to,
                &numbered(number, 1_200 - (number % 3) as usize),
            );
        }
        client.flush().unwrap();
        for (_, bytes) in receive(&mut *server, CHUNK as usize) {
            assert_eq!(number(&bytes), next);
            next += 1;
        }
    }
    assert_eq!(
        client.counters().dropped_total() + server.counters().dropped_total(),
        0
    );
    assert_eq!(server.counters().datagrams_in, 10_000);
}

fn more_destinations_than_the_arena_has_chunks_are_served<R: Rig>() {
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[V4]), rig.open(&[V4]));
    let to = server.local_addrs()[0];
    // Closed ports of another loopback host: nobody answers, nothing may stop.
    for port in 1..=1_500 {
        send(
            &mut *client,
            SocketAddr::from(([127, 0, 0, 2], port)),
            &[0; 900],
        );
    }
    send(&mut *client, to, b"last");
    client.flush().unwrap();
    assert_eq!(receive(&mut *server, 1)[0].1, b"last");
    assert_eq!(client.counters().dropped(DropCause::ArenaFull), 0);
}

fn a_wake_up_ends_the_wait<R: Rig>() {
    let rig = R::new();
    let mut reactor = rig.open(&[V4]);
    for _ in 0..3 {
        let waker = reactor.waker();
        let thread = std::thread::spawn(move || waker.wake());
        let woken =
            (0..MAX_TURNS).any(|_| reactor.turn(Some(PATIENCE), &mut |_| ()).unwrap().woken);
        thread.join().unwrap();
        assert!(woken);
    }
    let spurious = reactor.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
    assert!(!spurious.woken, "one wake-up is reported once");
}

fn a_wait_without_limit_ends_with_a_wake_up<R: Rig>() {
    let rig = R::new();
    let mut reactor = rig.open(&[V4]);
    let waker = reactor.waker();
    let thread = std::thread::spawn(move || waker.wake());
    while !reactor.turn(None, &mut |_| ()).unwrap().woken {}
    thread.join().unwrap();
}

fn a_wake_up_before_the_wait_counts<R: Rig>() {
    let rig = R::new();
    let mut reactor = rig.open(&[V4]);
    for _ in 0..100 {
        reactor.waker().wake();
        reactor.waker().wake();
        while !reactor.turn(None, &mut |_| ()).unwrap().woken {}
    }
}

fn a_turn_waits_for_its_timeout_and_not_for_ever<R: Rig>() {
    let rig = R::new();
    let mut reactor = rig.open(&[V4]);
    reactor.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
    let begun = Instant::now();
    let turn = reactor
        .turn(Some(Duration::from_micros(2_500)), &mut |_| ())
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_micros(2_500));
    assert_eq!(turn, net::Turn::default());
}

fn a_datagram_too_long_is_dropped_and_the_next_one_arrives<R: Rig>() {
    let rig = R::new();
    let mut server = rig.open(&[V4]);
    let to = server.local_addrs()[0];
    let client = UdpSocket::bind(V4).unwrap();
    client
        .send_to(&vec![1; MAX_DATAGRAM_BYTES + 1], to)
        .unwrap();
    client.send_to(&vec![2; 60_000], to).unwrap();
    client.send_to(&vec![3; MAX_DATAGRAM_BYTES], to).unwrap();
    client.send_to(&[], to).unwrap();
    client.send_to(&[4], to).unwrap();
    let mut got = Vec::new();
    for _ in 0..MAX_TURNS {
        if got.last() == Some(&4) {
            break;
        }
        let mut keep = |d: net::Received<'_>| got.extend(d.bytes.first());
        server.turn(Some(PATIENCE), &mut keep).unwrap();
    }
    assert_eq!(got, [3, 4]);
    assert_eq!(server.counters().dropped(DropCause::Oversized), 2);
}

fn a_closed_port_does_not_stop_the_loop<R: Rig>() {
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[V4, V6]), rig.open(&[V4]));
    let open = server.local_addrs()[0];
    let closed = [V4, V6].map(|text| UdpSocket::bind(text).unwrap().local_addr().unwrap());
    for round in 0..50 {
        for (socket, to) in (0..).map(SocketIndex).zip(closed) {
            for _ in 0..3 {
                client.reserve(socket, to, 500).unwrap().fill(0);
            }
        }
        send(&mut *client, open, &numbered(round, 100));
        client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
        assert_eq!(number(&receive(&mut *server, 1)[0].1), round);
    }
}

fn an_unreachable_network_is_counted<R: Rig>() {
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[V4]), rig.open(&[V4]));
    let open = server.local_addrs()[0];
    // A socket bound to loopback may not send elsewhere (`EINVAL`, or `ENETUNREACH` without any
    // route); port 0 cannot be sent to.
    for to in ["192.0.2.1:9", "127.0.0.1:0"] {
        send(&mut *client, to.parse().unwrap(), b"nowhere");
    }
    send(&mut *client, open, b"here");
    client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
    assert_eq!(receive(&mut *server, 1)[0].1, b"here");
    let counters = client.counters();
    assert_eq!(counters.dropped_total(), 2, "{counters:?}");
    assert_eq!(counters.datagrams_out, 1);
}

fn a_tiny_send_buffer_delays_and_does_not_reorder<R: Rig>() {
    let rig = R::new();
    let tiny = SocketOptions {
        send_buffer_bytes: 1,
        ..SocketOptions::default()
    };
    let (mut client, mut server) = (rig.open_with(&[V4], tiny), rig.open(&[V4]));
    let to = server.local_addrs()[0];
    let mut got = Vec::new();
    for number in 0..2_000_u32 {
        send(
            &mut *client,
            to,
            &numbered(number, 1_000 + (number % 7) as usize),
        );
        if number % 50 == 49 {
            client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
            receive_ready(&mut *server, &mut got);
        }
    }
    for _ in 0..10 {
        client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
        receive_ready(&mut *server, &mut got);
    }
    let numbers: Vec<u32> = got.iter().map(|bytes| number(bytes)).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next));
    let counters = client.counters();
    assert_eq!(numbers.len() as u64, counters.datagrams_out);
    assert_eq!(
        counters.datagrams_out + counters.dropped(DropCause::SendBufferFull),
        2_000
    );
}

fn a_burst_beyond_the_receive_buffers_is_not_lost<R: Rig>() {
    const BURST: u32 = 64;
    let rig = R::new();
    let few = SocketOptions {
        receive_buffers: 4,
        ..SocketOptions::default()
    };
    let mut server = rig.open_with(&[V4], few);
    let to = server.local_addrs()[0];
    // Single datagrams of a plain socket: no trains, one buffer each.
    let client = UdpSocket::bind(V4).unwrap();
    for round in 0..3 {
        for number in 0..BURST {
            client
                .send_to(&numbered(round * BURST + number, 200), to)
                .unwrap();
        }
        let got = receive(&mut *server, BURST as usize);
        assert!(
            (round * BURST..)
                .zip(&got)
                .all(|(want, (_, bytes))| number(bytes) == want)
        );
    }
    if server.backend() == Backend::Uring {
        assert!(
            server.counters().buffer_exhaustions > 0,
            "the test must reach the limit"
        );
    }
}

fn a_destination_that_refuses_trains_gets_single_datagrams<R: Rig>() {
    let rig = R::new();
    // Linux refuses UDP_SEGMENT on a socket without checksums, and nothing else.
    let plain = SocketOptions {
        checksums: false,
        ..SocketOptions::default()
    };
    let (mut client, mut server) = (rig.open_with(&[V4], plain), rig.open(&[V4]));
    let to = server.local_addrs()[0];
    for round in 0..3 {
        for number in 0..20 {
            send(&mut *client, to, &numbered(round * 20 + number, 400));
        }
        client.flush().unwrap();
    }
    let mut numbers = Vec::new();
    for _ in 0..MAX_TURNS {
        if numbers.len() == 60 {
            break;
        }
        client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
        server
            .turn(Some(PATIENCE), &mut |d| numbers.push(number(d.bytes)))
            .unwrap();
    }
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    let counters = client.counters();
    assert_eq!(counters.train_refusals, 1, "remembered");
    assert_eq!(train_count(&counters), 0);
    assert_eq!(counters.datagrams_out, 60);
    assert_eq!(counters.dropped_total(), 0);
}

fn a_port_is_free_again_when_its_reactor_is_gone<R: Rig>() {
    let rig = R::new();
    let first = rig.open(&[V4]);
    let address = first.local_addrs()[0].to_string();
    drop(first);
    for _ in 0..20 {
        drop(rig.open(&[&address]));
    }
}

fn reports_gather_apart_until_they_are_heard<R: Rig>(address: &str) {
    let rig = R::new();
    let apart = SocketOptions {
        are_reports_apart: true,
        ..SocketOptions::default()
    };
    let (mut client, mut server) = (rig.open(&[address]), rig.open_with(&[address], apart));
    let to = server.local_addrs()[0];
    let reports: [&[u8]; 4] = [&[0x80, 192], &[0x81, 200, 0, 6], &[0xbf, 205], &[0x80, 223]];
    let others: [&[u8]; 7] = [
        &[0x80, 191, 1],
        &[0x90, 224],
        &[0x80, 96, 7],
        &[0x80],
        &[0x00, 200],
        &[0x16, 0xfe, 0xfd],
        &[0x40, 205],
    ];
    for bytes in others.iter().chain(&reports) {
        send(&mut *client, to, bytes);
    }
    client.flush().unwrap();

    let came = receive(&mut *server, others.len());
    assert!(came.iter().map(|(_, bytes)| &bytes[..]).eq(others));
    let turn = server.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
    assert_eq!(turn.received, 0, "reports wake nobody");
    let mut heard = Vec::new();
    let count = server.hear_reports(&mut |report| {
        assert_eq!(
            (report.socket, report.remote),
            (FIRST, client.local_addrs()[0])
        );
        heard.push(report.bytes.to_vec());
    });
    assert_eq!(count.unwrap(), reports.len());
    assert!(heard.iter().map(|bytes| &bytes[..]).eq(reports));
    assert_eq!(server.counters().datagrams_in, 11);
}

fn nobody_else_binds_where_reports_are_apart<R: Rig>(choice: BackendChoice) {
    let apart = SocketOptions {
        are_reports_apart: true,
        ..SocketOptions::default()
    };
    let rig = R::new();
    let first = rig.open_with(&[V4], apart);
    let address = first.local_addrs()[0];
    for options in [apart, SocketOptions::default()] {
        assert!(matches!(
            open_with(choice, &[address], options),
            Err(OpenReactorError::Bind { .. })
        ));
    }
    drop(first);
    drop(rig.open_with(&[&address.to_string()], apart));
}

/// More sends and receives cost hardly more system calls.
fn a_busy_turn_enters_the_kernel_once_not_per_datagram<R: Rig>() {
    let rig = R::new();
    let (mut client, mut server) = (rig.open(&[V4]), rig.open(&[V4]));
    let to = server.local_addrs()[0];
    let mut entries = 0;
    for round in 0..20 {
        for number in 0..200 {
            send(&mut *client, to, &numbered(number, 1_000));
        }
        client.turn(Some(Duration::ZERO), &mut |_| ()).unwrap();
        receive(&mut *server, 200);
        if round == 0 {
            entries = client.counters().kernel_entries;
        }
    }
    let per_turn = (client.counters().kernel_entries - entries) / 19;
    let limit = if client.backend() == Backend::Uring {
        1
    } else {
        2
    };
    assert!(per_turn <= limit, "{per_turn} entries per turn");
}

macro_rules! conformance {
    ($module:ident, $rig:ty: $($(#[$meta:meta])* $test:ident $(($argument:expr))?),* $(,)?) => {
        mod $module {
            use super::*;
            $(
                #[test]
                fn $test() {
                    super::$test::<$rig>($($argument)?);
                }
            )*
        }
    };
}

macro_rules! v6 {
    ($module:ident, $rig:ty) => {
        #[test]
        fn $module() {
            a_datagram_is_answered::<$rig>(V6);
        }
    };
}

conformance!(uring, Uring:
    a_datagram_is_answered(V4),
    several_sockets_keep_apart,
    what_cannot_be_sent_is_refused_and_counted,
    interleaved_trains_arrive_whole_and_in_order,
    ten_thousand_datagrams_arrive_when_they_are_drained,
    more_destinations_than_the_arena_has_chunks_are_served,
    a_wake_up_ends_the_wait,
    a_wait_without_limit_ends_with_a_wake_up,
    a_wake_up_before_the_wait_counts,
    a_turn_waits_for_its_timeout_and_not_for_ever,
    a_datagram_too_long_is_dropped_and_the_next_one_arrives,
    a_closed_port_does_not_stop_the_loop,
    an_unreachable_network_is_counted,
    a_tiny_send_buffer_delays_and_does_not_reorder,
    a_burst_beyond_the_receive_buffers_is_not_lost,
    a_destination_that_refuses_trains_gets_single_datagrams,
    a_port_is_free_again_when_its_reactor_is_gone,
    a_busy_turn_enters_the_kernel_once_not_per_datagram,
    reports_gather_apart_until_they_are_heard(V4),
    nobody_else_binds_where_reports_are_apart(BackendChoice::Uring),
);

conformance!(portable, Portable:
    a_datagram_is_answered(V4),
    several_sockets_keep_apart,
    what_cannot_be_sent_is_refused_and_counted,
    interleaved_trains_arrive_whole_and_in_order,
    ten_thousand_datagrams_arrive_when_they_are_drained,
    more_destinations_than_the_arena_has_chunks_are_served,
    a_wake_up_ends_the_wait,
    a_wait_without_limit_ends_with_a_wake_up,
    a_wake_up_before_the_wait_counts,
    a_turn_waits_for_its_timeout_and_not_for_ever,
    a_datagram_too_long_is_dropped_and_the_next_one_arrives,
    a_closed_port_does_not_stop_the_loop,
    an_unreachable_network_is_counted,
    a_tiny_send_buffer_delays_and_does_not_reorder,
    a_burst_beyond_the_receive_buffers_is_not_lost,
    a_destination_that_refuses_trains_gets_single_datagrams,
    a_port_is_free_again_when_its_reactor_is_gone,
    a_busy_turn_enters_the_kernel_once_not_per_datagram,
    reports_gather_apart_until_they_are_heard(V4),
    nobody_else_binds_where_reports_are_apart(BackendChoice::Portable),
);

// Without a kernel there are no waits, foreign datagrams, full buffers or refusals to test.
conformance!(simulated, Sim:
    a_datagram_is_answered(V4),
    several_sockets_keep_apart,
    what_cannot_be_sent_is_refused_and_counted,
    interleaved_trains_arrive_whole_and_in_order,
    ten_thousand_datagrams_arrive_when_they_are_drained,
    more_destinations_than_the_arena_has_chunks_are_served,
    a_wait_without_limit_ends_with_a_wake_up,
    a_wake_up_before_the_wait_counts,
    a_port_is_free_again_when_its_reactor_is_gone,
);

#[test]
fn reports_over_ipv6_gather_apart() {
    reports_gather_apart_until_they_are_heard::<Uring>(V6);
    reports_gather_apart_until_they_are_heard::<Portable>(V6);
}

v6!(uring_answers_a_datagram_over_ipv6, Uring);
v6!(portable_answers_a_datagram_over_ipv6, Portable);
v6!(simulated_answers_a_datagram_over_ipv6, Sim);

#[test]
fn the_choice_is_explained() {
    let addrs = parse(&[V4]);
    let (reactor, reason) = open(BackendChoice::Portable, &addrs).unwrap();
    assert_eq!(reactor.backend(), Backend::Portable);
    assert!(reason.to_string().starts_with("epoll: "), "{reason}");
    let (reactor, reason) = open(BackendChoice::Auto, &addrs).unwrap();
    assert!(
        reason
            .to_string()
            .starts_with(&format!("{}: ", reactor.backend())),
        "{reason}"
    );
}

/// Makes `io_uring_setup` fail on this thread, as a container's filter does (seccomp(2)).
fn forbid_io_uring(errno: i32) {
    let (load, equal, give) = (
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JEQ,
        libc::BPF_RET,
    );
    let step = |code: u32, jf, k| libc::sock_filter {
        code: code as u16,
        jt: 0,
        jf,
        k,
    };
    let mut steps = [
        step(load, 0, 0),
        step(equal, 1, libc::SYS_io_uring_setup as u32),
        step(give, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(give, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: takes integers only; it lets ordinary users install filters.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0);
    // SAFETY: the kernel copies a program that lives until the call returns.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, 2, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn without_io_uring_epoll_takes_over_and_says_why() {
    for (errno, why) in [
        (libc::ENOSYS, "ENOSYS"),
        (libc::EPERM, "EPERM"),
        (libc::ENOMEM, "ENOMEM"),
    ] {
        std::thread::spawn(move || {
            forbid_io_uring(errno);
            let addrs = parse(&[V4]);
            let (reactor, reason) = open(BackendChoice::Auto, &addrs).unwrap();
            assert_eq!(reactor.backend(), Backend::Portable);
            assert!(reason.to_string().contains(why), "{reason}");
            let refused = open(BackendChoice::Uring, &addrs).map(|_| ());
            assert!(matches!(refused, Err(OpenReactorError::Uring(_))));
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = UdpSocket::bind(V4).unwrap().local_addr().unwrap();
    let _held = UdpSocket::bind(taken).unwrap();
    for choice in [BackendChoice::Uring, BackendChoice::Portable] {
        let error = open(choice, &[taken]).map(|_| ()).unwrap_err();
        assert!(matches!(error, OpenReactorError::Bind { address, .. } if address == taken));
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
    }
}

#[test]
fn no_address_and_too_many_are_refused() {
    assert!(matches!(
        open(BackendChoice::Auto, &[]),
        Err(OpenReactorError::NoAddress)
    ));
    let many = parse(&[V4; 257]);
    assert!(matches!(
        open(BackendChoice::Auto, &many),
        Err(OpenReactorError::TooManyAddresses(257))
    ));
}

#[test]
fn simulated_accidents_follow_from_the_seed() {
    let run = |seed| {
        let network = sim::Network::new(seed);
        let (mut client, mut server) = (
            network.open(&parse(&[V4])).unwrap(),
            network.open(&parse(&[V4])).unwrap(),
        );
        network.set_link(sim::Link {
            loss_permille: 100,
            duplicate_permille: 50,
            reorder_permille: 50,
            latency: Duration::from_millis(10),
        });
        let to = server.local_addrs()[0];
        for number in 0..500 {
            send(&mut client, to, &numbered(number, 100));
        }
        client.flush().unwrap();
        let mut got = Vec::new();
        receive_ready(&mut server, &mut got);
        assert!(got.is_empty(), "nothing arrives before its time");
        network.advance(Duration::from_millis(10));
        receive_ready(&mut server, &mut got);
        network.advance(Duration::from_millis(10));
        receive_ready(&mut server, &mut got);
        assert_eq!(network.next_due(), None);
        let lost = client.counters().dropped(DropCause::SimulatedLoss);
        assert!((20..100).contains(&lost), "{lost}");
        got
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

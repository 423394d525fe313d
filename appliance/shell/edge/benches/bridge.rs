//! What a packet to a client over TCP costs the box, beside one over UDP.
//!
//! `cargo bench -p ringward-edge --bench bridge`. Prints the processor time of the sending thread,
//! bridge included, per packet of 1,200 bytes on loopback, both ways in one run; the client reads on
//! a thread of its own.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement"
)]

extern crate ringward_edge as edge;

use edge::Bridge;
use rustix::time::{ClockId, clock_gettime};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

const PACKET_BYTES: usize = 1_200;
const BURST: usize = 32;
const BURSTS: usize = 5_000;
const ROUNDS: usize = 5;
const PACKETS: usize = BURST * BURSTS;
/// A Binding request, as far as the bridge looks.
const CHECK: [u8; 20] = [
    0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
];

fn main() {
    let (mut udp, mut tcp) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        udp.push(over_udp());
        tcp.push(over_tcp());
    }
    let (udp, tcp) = (median(udp), median(tcp));
    println!(
        "UDP {udp:.0} ns, TCP {tcp:.0} ns per packet: {:.1} times",
        tcp / udp
    );
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Nanoseconds of this thread.
fn spent() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
    .as_secs_f64()
        * 1e9
}

fn packet() -> [u8; PACKET_BYTES] {
    let mut packet = [0; PACKET_BYTES];
    packet[0] = 0x80;
    packet
}

fn over_udp() -> f64 {
    let thread = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = client.local_addr().unwrap();
    let (told, tell) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 2_048];
        for _ in 0..BURSTS {
            for _ in 0..BURST {
                client.recv(&mut bytes).unwrap();
            }
            told.send(()).unwrap();
        }
    });
    let (packet, began) = (packet(), spent());
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            thread.send_to(&packet, to).unwrap();
        }
        tell.recv().unwrap();
    }
    let spent = spent() - began;
    reading.join().unwrap();
    spent / PACKETS as f64
}

fn over_tcp() -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let thread = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let bridge = Bridge::new(&[thread.local_addr().unwrap()]);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let (told, mut tell) = tokio::sync::mpsc::channel(1);
        let reading = std::thread::spawn({
            let address = listener.local_addr().unwrap();
            move || read_frames(address, &told)
        });
        let (stream, remote) = listener.accept().await.unwrap();
        tokio::spawn(async move { bridge.carry(stream, remote).await });
        let (_, stand_in) = thread.recv_from(&mut [0; 64]).await.unwrap();
        thread.send_to(b"answer", stand_in).await.unwrap();
        tell.recv().await.unwrap();
        let (packet, began) = (packet(), spent());
        for _ in 0..BURSTS {
            for _ in 0..BURST {
                thread.send_to(&packet, stand_in).await.unwrap();
            }
            tell.recv().await.unwrap();
        }
        let spent = spent() - began;
        reading.join().unwrap();
        spent / PACKETS as f64
    })
}

fn read_frames(address: SocketAddr, told: &tokio::sync::mpsc::Sender<()>) {
    let mut client = TcpStream::connect(address).unwrap();
    let length = u16::try_from(CHECK.len()).unwrap();
    client.write_all(&length.to_be_bytes()).unwrap();
    client.write_all(&CHECK).unwrap();
    client.read_exact(&mut [0; 2 + b"answer".len()]).unwrap();
    told.blocking_send(()).unwrap();
    let mut burst = vec![0; BURST * (PACKET_BYTES + 2)];
    for _ in 0..BURSTS {
        client.read_exact(&mut burst).unwrap();
        told.blocking_send(()).unwrap();
    }
}

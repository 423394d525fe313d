//! What is read of every packet: RTP header, VP8 descriptor, key frame, stamp.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark of packets that are well-formed"
)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringward_benches::publisher::{Pattern, Publisher};
use ringward_benches::stamp::{Epoch, Source, Stamp};
use rtp::codecs::vp8::Vp8Packet;
use rtp::header::Header;
use rtp::packet::Packet;
use rtp::packetizer::Depacketizer;
use std::hint::black_box;
use std::time::Instant;
use webrtc_util::marshal::{Marshal, Unmarshal};

/// The packets of one key frame, as they look behind decryption.
fn packets() -> Vec<Bytes> {
    let pattern = Pattern {
        rate: 300,
        burst: 10,
        packet_bytes: 1_200,
    };
    let source = Source {
        publisher: 1,
        layer: 0,
        audio: false,
    };
    let frame = Publisher::new(source, pattern).frame(Epoch::begin(), Instant::now());
    frame
        .into_iter()
        .map(|packet| {
            let mut header = Header {
                version: 2,
                marker: packet.marker,
                payload_type: 96,
                sequence_number: packet.sequence as u16,
                timestamp: packet.timestamp,
                ssrc: 0xDECA_FBAD,
                ..Header::default()
            };
            header
                .set_extension(3, Bytes::from_static(&[0, 1]))
                .unwrap();
            let payload = Bytes::copy_from_slice(&packet.payload);
            Packet { header, payload }.marshal().unwrap()
        })
        .collect()
}

fn parse(criterion: &mut Criterion) {
    let packets = packets();
    let payloads: Vec<Bytes> = packets
        .iter()
        .map(|bytes| Packet::unmarshal(&mut bytes.clone()).unwrap().payload)
        .collect();
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("rtp header", |bencher| {
        bencher.iter(|| {
            for bytes in &packets {
                black_box(Header::unmarshal(&mut bytes.clone()).unwrap());
            }
        });
    });
    group.bench_function("vp8 descriptor, media plane", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(media::vp8::parse(black_box(payload)));
            }
        });
    });
    group.bench_function("vp8 descriptor, rtp crate", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                let mut packet = Vp8Packet::default();
                black_box(packet.depacketize(payload).unwrap());
            }
        });
    });
    group.bench_function("stamp", |bencher| {
        bencher.iter(|| {
            for payload in &payloads {
                black_box(Stamp::read(black_box(payload)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);

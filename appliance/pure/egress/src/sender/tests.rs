#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod client;
mod gap;
mod nonces;
mod repair;
mod rollover;

use super::*;
use crate::counters::Counters;
use crate::keying::Profile;
use crate::{RtcpRefusal, StreamConfig, WriteRefusal};
use client::{MATERIAL, VIDEO, audio, ms, outgoing, payload, stage, video};
use media::packet::{LossReport, Vp8Rewrite};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn audio_leaves_at_once_and_video_with_its_frame() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&video(1, 900, false)), now).unwrap();
    sender.write(&outgoing(&audio(1, 80)), now).unwrap();
    assert_eq!(client.take(&mut sender, now).len(), 1, "audio");
    assert_eq!(sender.next(), Some(now + ms(5)));
    sender
        .write(&outgoing(&video(2, 900, true)), now + ms(1))
        .unwrap();
    let frame = client.take(&mut sender, now + ms(1));
    assert_eq!(
        frame
            .iter()
            .map(|packet| packet.sequence)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(frame[1].payload, payload(2, 900).to_vec());
    assert!(frame[1].marker && !frame[0].marker);
}

#[test]
fn frames_of_many_tracks_leave_together_on_the_beat() {
    let (mut sender, mut client, now) = stage();
    sender.set_epoch(now);
    let mut streams = client::streams();
    for (number, mid) in ["2", "3", "4", "5"].into_iter().enumerate() {
        let ssrc = VIDEO + 10 + 2 * number as u32;
        streams.push(StreamConfig {
            mid: Mid::new(mid).unwrap(),
            ssrc,
            rtx: Some(ssrc + 1),
            ..streams[1].clone()
        });
    }
    sender.set_streams(&streams);
    for (passed, mid) in [(100, "1"), (900, "2"), (1_700, "3")] {
        let then = now + Duration::from_micros(passed);
        let mut frame = video(1, 300, true);
        frame.mid = Mid::new(mid).unwrap();
        sender.write(&outgoing(&frame), then).unwrap();
        sender.write(&outgoing(&audio(passed, 80)), then).unwrap();
        let sent = client.take(&mut sender, then);
        assert_eq!(sent.len(), 1, "audio does not wait");
        assert_eq!(sender.next(), Some(now + ms(3)));
    }
    assert_eq!(client.take(&mut sender, now + ms(3)).len(), 3);
    assert_eq!(
        sender.counters().trains,
        3 + 1,
        "three times audio, one train of pictures"
    );
}

#[test]
fn what_concerns_only_what_is_sent_is_for_nobody_else() {
    let (mut sender, mut client, now) = stage();
    let head = |first: u8, kind: u8, words: u8| vec![first, kind, 0, words, 0, 0, 0, 99];
    let names = head(0x81, 202, 1);
    let report = head(0x80, 201, 1);
    let keyframe = [head(0x81, 206, 2), VIDEO.to_be_bytes().to_vec()].concat();
    let information = [head(0x80, 200, 6), vec![0; 20]].concat();
    for (compound, want) in [
        (report.clone(), Heard::All),
        (keyframe.clone(), Heard::All),
        ([report.clone(), keyframe].concat(), Heard::All),
        (information, Heard::Part),
        ([report.clone(), names].concat(), Heard::Part),
        ([report, head(0x81, 203, 1)].concat(), Heard::Part),
        (head(0x80, 207, 1), Heard::Part),
    ] {
        assert_eq!(
            client.send(&mut sender, compound.clone(), now),
            want,
            "{compound:?}"
        );
    }
}

#[test]
fn a_frame_without_its_end_waits_five_milliseconds() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&video(1, 900, false)), now).unwrap();
    assert_eq!(client.take(&mut sender, now + ms(4)).len(), 0);
    assert_eq!(client.take(&mut sender, now + ms(5)).len(), 1);
    assert_eq!(sender.counters().hold_expired, 1);
}

#[test]
fn a_frame_of_unequal_packets_is_one_train_and_reads_as_written() {
    let (mut sender, mut client, now) = stage();
    for (sequence, len) in [(1, 1_000), (2, 1_000), (3, 1_001), (4, 400)] {
        let packet = video(sequence, len, sequence == 4);
        sender.write(&outgoing(&packet), now).unwrap();
    }
    let frame = client.take(&mut sender, now);
    let lens: Vec<usize> = frame.iter().map(|packet| packet.len).collect();
    assert!(
        lens[..3].iter().all(|len| *len == lens[0]) && lens[3] < lens[0],
        "{lens:?}"
    );
    for (packet, (sequence, len)) in
        frame
            .iter()
            .zip([(1, 1_000), (2, 1_000), (3, 1_001), (4, 400)])
    {
        assert_eq!(
            packet.payload,
            payload(sequence, len).to_vec(),
            "padding is not payload"
        );
    }
    let Counters {
        trains,
        level_bytes,
        packets,
        ..
    } = *sender.counters();
    assert_eq!((trains, level_bytes, packets), (1, 2, 4));
}

#[test]
fn vp8_numbers_are_rewritten_and_the_shared_payload_is_not() {
    let (mut sender, mut client, now) = stage();
    let shared: Arc<[u8]> = vec![0x90, 0xc0, 0x80, 0, 0, 9, 9, 9].into();
    let mut packet = video(1, 8, true);
    packet.payload = Arc::clone(&shared);
    packet.vp8 = Some(Vp8Rewrite {
        picture_id: Some(0x1234),
        tl0_pic_idx: Some(7),
    });
    sender.write(&outgoing(&packet), now).unwrap();
    let frame = client.take(&mut sender, now);
    assert_eq!(frame[0].payload, [0x90, 0xc0, 0x92, 0x34, 7, 9, 9, 9]);
    assert_eq!(shared[2], 0x80);
    client.nack(&mut sender, VIDEO, &[1], now + ms(10));
    let again = client.take(&mut sender, now + ms(10));
    assert_eq!(again[0].payload[2..], [0x90, 0xc0, 0x92, 0x34, 7, 9, 9, 9]);
}

#[test]
fn red_becomes_opus_for_a_client_that_has_no_red() {
    let (mut sender, mut client, now) = stage();
    let mut packet = audio(1, 8);
    packet.codec = media::Codec::Red;
    packet.payload = vec![0xef, 0x03, 0xc0, 2, 111, 9, 9, 5].into();
    sender.write(&outgoing(&packet), now).unwrap();
    let sent = client.take(&mut sender, now);
    assert_eq!((sent[0].pt, sent[0].payload.clone()), (111, vec![5]));
    packet.sequence = 2;
    packet.payload = vec![0xef].into();
    assert_eq!(
        sender.write(&outgoing(&packet), now),
        Err(WriteRefusal::Codec)
    );
}

#[test]
fn what_is_asked_for_comes_again_once_per_round_trip() {
    let (mut sender, mut client, now) = stage();
    for sequence in 1..=3 {
        sender
            .write(&outgoing(&video(sequence, 700, sequence == 3)), now)
            .unwrap();
    }
    client.take(&mut sender, now);
    client.nack(&mut sender, VIDEO, &[2, 77], now + ms(10));
    let again = client.take(&mut sender, now + ms(10));
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].ssrc, again[0].pt), (VIDEO + 1, 97));
    assert_eq!(again[0].payload[..2], [0, 2], "the original number");
    assert_eq!(again[0].payload[2..], payload(2, 700)[..]);
    client.nack(&mut sender, VIDEO, &[2], now + ms(20));
    assert_eq!(client.take(&mut sender, now + ms(20)).len(), 0, "too soon");
    client.nack(&mut sender, VIDEO, &[2], now + ms(111));
    let third = client.take(&mut sender, now + ms(111));
    assert_eq!(third[0].sequence, again[0].sequence + 1);
    client.nack(&mut sender, VIDEO, &[2], now + ms(3_000));
    assert_eq!(
        client.take(&mut sender, now + ms(3_000)).len(),
        0,
        "too old"
    );
    let Counters {
        nack_early,
        nack_unknown,
        retransmissions,
        ..
    } = *sender.counters();
    assert_eq!((nack_early, nack_unknown, retransmissions), (1, 2, 2));
}

#[test]
fn a_probe_is_padding_at_its_pace_behind_media() {
    let (mut sender, mut client, now) = stage();
    sender.set_desired(Bitrate::kbps(3_000), now);
    assert_eq!(client.take(&mut sender, now).len(), 0, "no timestamp yet");
    sender.write(&outgoing(&video(1, 700, true)), now).unwrap();
    sender.handle_timeout(now);
    let (mut at, mut padding, mut bytes) = (now, Vec::new(), 0);
    while at < now + ms(60) {
        for packet in client.take(&mut sender, at) {
            bytes += packet.len + 28;
            if packet.payload.is_empty() {
                assert_eq!((packet.ssrc, packet.pt), (VIDEO + 1, 97));
                padding.push((at, packet.transport_cc.unwrap()));
            }
        }
        at += ms(1);
        sender.handle_timeout(at);
    }
    let wanted = 4_500 / 8 * 15;
    assert!(
        (wanted..wanted + 1_200).contains(&bytes),
        "{bytes} of {wanted}"
    );
    assert_eq!(sender.counters().probes, padding.len() as u64);
    let spent = padding.last().unwrap().0 - padding[0].0;
    assert!((ms(11)..ms(16)).contains(&spent), "{spent:?}");
    let numbers: Vec<_> = padding.iter().map(|(_, number)| *number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[test]
fn what_is_counted_has_the_headers_of_the_clients_address_family() {
    for (address, overhead) in [
        (None, 28),
        (Some("192.0.2.1"), 28),
        (Some("::ffff:192.0.2.1"), 28),
        (Some("2001:db8::1"), 48),
    ] {
        let (mut sender, mut client, now) = stage();
        if let Some(address) = address {
            sender.set_remote(address.parse().unwrap());
        }
        sender.set_desired(Bitrate::kbps(3_000), now);
        sender.write(&outgoing(&video(1, 40, true)), now).unwrap();
        sender.handle_timeout(now);
        let (mut at, mut sizes) = (now, Vec::new());
        while at < now + ms(60) {
            let packets = client.take(&mut sender, at);
            let padding = packets.iter().filter(|packet| packet.payload.is_empty());
            sizes.extend(padding.map(|packet| packet.len + overhead));
            at += ms(1);
            sender.handle_timeout(at);
        }
        // The media left before the probe, which ends with the packet that fills it.
        let (bytes, wanted) = (sizes.iter().sum::<usize>(), 4_500 / 8 * 15);
        let filled = wanted..wanted + sizes.last().unwrap();
        assert!(filled.contains(&bytes), "{address:?}: {bytes} of {wanted}");
    }
}

#[test]
fn without_a_retransmission_stream_nothing_comes_again() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&audio(1, 80)), now).unwrap();
    client.take(&mut sender, now);
    client.nack(&mut sender, client::AUDIO, &[1], now);
    assert_eq!(client.take(&mut sender, now).len(), 0);
    assert_eq!(sender.counters().nack_unknown, 1);
}

#[test]
fn retransmissions_end_with_their_budget() {
    let (mut sender, mut client, now) = stage();
    for sequence in 1..=400 {
        sender
            .write(&outgoing(&video(sequence, 1_100, sequence % 10 == 0)), now)
            .unwrap();
    }
    let mut at = now;
    while sender.queued_packets > 0 {
        at = sender.next().unwrap().max(at);
        client.take(&mut sender, at);
    }
    let asked: Vec<u16> = (1..=400).collect();
    client.nack(&mut sender, VIDEO, &asked, at);
    let counters = *sender.counters();
    assert!(counters.nack_refused > 100, "{counters:?}");
    assert!(counters.nack_refused < 400);
}

#[test]
fn a_client_reports_losses_and_asks_for_keyframes() {
    let (mut sender, mut client, now) = stage();
    let mid = video(1, 1, true).mid;
    sender.set_sender_report(mid, Duration::from_secs(1_000), 5, now);
    sender.write(&outgoing(&video(1, 700, true)), now).unwrap();
    client.take(&mut sender, now);
    assert_eq!(client.reports.len(), 0, "the report follows its stream");
    client.take(&mut sender, now);
    let report = client.reports.pop().unwrap();
    assert_eq!(report[..8], [0x80, 200, 0, 6, 0, 0, 0, 20], "SR of SSRC 20");
    client.report(&mut sender, VIDEO, 64, &report, ms(30), now + ms(70));
    client.pli(&mut sender, VIDEO, now + ms(70));
    let events: Vec<Event> = std::iter::from_fn(|| sender.poll_event()).collect();
    let loss = events.iter().find_map(|event| match event {
        Event::Loss(loss) => Some(*loss),
        _ => None,
    });
    let LossReport {
        round_trip,
        fraction_lost,
        ..
    } = loss.unwrap();
    assert!((fraction_lost - 0.25).abs() < 1e-6);
    assert_eq!(round_trip.map(|trip| trip.as_millis()), Some(40));
    assert_eq!(sender.take_jitter(), Some(ms(10)));
    assert_eq!(sender.take_jitter(), None, "asked for already");
    assert!(events.contains(&Event::KeyframeRequest { mid }));
    assert_eq!(
        sender.handle_rtcp(&[0x80; 60], now),
        Err(RtcpRefusal::Forged)
    );
    assert_eq!(sender.counters().rtcp_refused, 1);
}

#[test]
fn the_section_is_named_until_the_client_knows_it() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&video(1, 700, true)), now).unwrap();
    assert_eq!(client.take(&mut sender, now)[0].mid.as_deref(), Some("1"));
    client.pli(&mut sender, VIDEO, now);
    sender.write(&outgoing(&video(2, 700, true)), now).unwrap();
    assert_eq!(client.take(&mut sender, now + ms(100))[0].mid, None);
}

#[test]
fn transport_wide_numbers_rise_by_one_over_all_streams() {
    let (mut sender, mut client, now) = stage();
    let mut numbers = Vec::new();
    for sequence in 1..=5 {
        let at = now + ms(sequence * 200);
        sender
            .write(&outgoing(&video(sequence, 700, true)), at)
            .unwrap();
        sender.write(&outgoing(&audio(sequence, 80)), at).unwrap();
        client.nack(&mut sender, VIDEO, &[sequence as u16 - 1], at);
        numbers.extend(
            client
                .take(&mut sender, at)
                .iter()
                .map(|p| p.transport_cc.unwrap()),
        );
    }
    assert_eq!(numbers, (1..=14).collect::<Vec<u16>>());
}

#[test]
fn a_full_queue_refuses_and_audio_still_goes_first() {
    let (mut sender, mut client, now) = stage();
    let refusals = (1..=1_100).filter(|sequence| {
        let packet = video(*sequence, 1_100, true);
        sender.write(&outgoing(&packet), now) == Err(WriteRefusal::Congested)
    });
    assert_eq!(refusals.count(), 1_100 - MAX_QUEUED_PACKETS);
    sender.write(&outgoing(&audio(1, 80)), now).unwrap();
    let burst = client.take(&mut sender, now);
    assert_eq!(burst[0].pt, 111);
    assert!(burst.len() < 60, "paced: {}", burst.len());
    let next = sender.next().unwrap();
    assert!(next > now, "not before the burst is paid");
    sender.write(&outgoing(&audio(2, 80)), now).unwrap();
    assert_eq!(client.take(&mut sender, now).len(), 1, "audio never waits");
}

#[test]
fn a_stream_that_returns_goes_on_where_it_was() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&video(9, 700, true)), now).unwrap();
    client.take(&mut sender, now);
    sender.set_streams(&[]);
    assert!(sender.owns(VIDEO) && sender.owns(VIDEO + 1) && !sender.owns(5));
    assert_eq!(
        sender.write(&outgoing(&video(1, 7, true)), now),
        Err(WriteRefusal::NotSending)
    );
    sender.set_streams(&client::streams());
    sender.write(&outgoing(&video(1, 700, true)), now).unwrap();
    assert_eq!(client.take(&mut sender, now + ms(100))[0].sequence, 10);
}

#[test]
fn an_ssrc_has_one_owner() {
    let (mut sender, _, _) = stage();
    let mut streams = client::streams();
    let mut second = streams[1].clone();
    second.mid = Mid::new("9").unwrap();
    second.ssrc = VIDEO + 1;
    second.rtx = Some(99);
    streams.push(second);
    sender.set_streams(&streams);
    assert_eq!(sender.counters().streams_refused, 1);
    assert!(!sender.owns(99));
}

#[test]
fn the_same_keys_change_nothing_and_used_ones_are_refused() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&video(9, 700, true)), now).unwrap();
    client.take(&mut sender, now);
    let keys = |material| KeyingMaterial {
        profile: Profile::AeadAes256Gcm,
        material,
        is_client: false,
    };
    sender.set_keys(&keys(&MATERIAL)).unwrap();
    assert_eq!(
        sender.write(&outgoing(&video(9, 7, true)), now),
        Err(WriteRefusal::Repeated)
    );
    let mut other = MATERIAL;
    other[0] ^= 1;
    sender.set_keys(&keys(&other)).unwrap();
    sender.write(&outgoing(&video(9, 7, true)), now).unwrap();
    assert_eq!(sender.set_keys(&keys(&MATERIAL)), Err(KeyRefusal::Used));
    let short = sender.set_keys(&keys(&MATERIAL[1..]));
    assert!(matches!(
        short,
        Err(KeyRefusal::Length { want: 88, got: 87 })
    ));
}

#[test]
fn a_silent_client_wants_nothing() {
    let (mut sender, mut client, now) = stage();
    let mid = audio(1, 1).mid;
    assert_eq!(sender.next(), None);
    sender.set_sender_report(mid, Duration::from_secs(1), 1, now);
    assert_eq!(sender.next(), None, "nothing sent");
    for sequence in 1..=3 {
        sender
            .write(&outgoing(&video(sequence, 700, true)), now)
            .unwrap();
        sender.write(&outgoing(&audio(sequence, 70)), now).unwrap();
    }
    let (mut turns, mut at) = (0, now);
    while let Some(next) = sender.next() {
        at = next.max(at);
        sender.handle_timeout(at);
        client.take(&mut sender, at);
        turns += 1;
        assert!(turns < 200, "{next:?}");
    }
    assert!(at <= now + ms(10_000), "{:?}", at - now);
    assert!(
        sender
            .streams
            .iter()
            .all(|stream| stream.ring.newest().is_none())
    );
}

#[test]
fn one_streams_state_fits_64_kib() {
    let state = size_of::<Stream>() + ring::MAX_PACKETS * (size_of::<Option<ring::Sent>>() + 8);
    assert!(state <= 64 * 1_024, "{state}");
}

proptest! {
    /// Whatever the sizes and turns, the client reads the written payloads in order.
    #[test]
    fn everything_written_arrives_once_and_in_order(
        packets in proptest::collection::vec((1_usize..1_300, any::<bool>(), 0_u64..8), 1..120),
    ) {
        let (mut sender, mut client, mut now) = stage();
        let (mut want, mut got) = (Vec::new(), Vec::new());
        for (sequence, (len, marker, pause)) in (1..).zip(packets) {
            now += ms(pause);
            sender.write(&outgoing(&video(sequence, len, marker)), now).unwrap();
            want.push((sequence as u16, payload(sequence, len).to_vec()));
            if pause > 2 {
                got.extend(client.take(&mut sender, now));
            }
        }
        while sender.queued_packets > 0 {
            now = sender.next().unwrap().max(now);
            got.extend(client.take(&mut sender, now));
        }
        let media = got.into_iter().filter(|packet| packet.ssrc == VIDEO);
        let got: Vec<(u16, Vec<u8>)> = media.map(|packet| (packet.sequence, packet.payload)).collect();
        prop_assert_eq!(got, want);
    }
}

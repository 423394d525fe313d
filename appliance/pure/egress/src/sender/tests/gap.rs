//! What happens to a stream of which something was dropped.

use super::client::{Client, audio, ms, outgoing, stage, video};
use super::*;

/// A frame of one packet.
fn frame(sequence: u64, starts_keyframe: bool) -> client::Written {
    let mut packet = video(sequence, 1_100, true);
    packet.timestamp = sequence as u32;
    packet.starts_keyframe = starts_keyframe;
    packet
}

fn keyframe_requests(sender: &mut Sender) -> usize {
    let events = std::iter::from_fn(|| sender.poll_event());
    events
        .filter(|event| matches!(event, Event::KeyframeRequest { .. }))
        .count()
}

#[test]
fn old_video_is_dropped_with_its_frame_and_a_keyframe_asked_for() {
    let (mut sender, mut client, now) = stage();
    for sequence in 1..=12 {
        let mut packet = video(sequence, 1_100, sequence == 6);
        packet.timestamp = if sequence <= 6 { 1 } else { 2 };
        sender.write(&outgoing(&packet), now).unwrap();
    }
    client.slots = Some(2);
    assert_eq!(client.take(&mut sender, now).len(), 2, "no slot for more");
    assert!(sender.next().is_some_and(|next| next <= now + ms(100)));
    client.slots = None;
    assert_eq!(client.take(&mut sender, now + ms(1_100)).len(), 0);
    assert_eq!(sender.counters().dropped_by_age, 10);
    let mut rest = video(13, 1_100, true);
    rest.timestamp = 2;
    let refused = sender.write(&outgoing(&rest), now + ms(1_100));
    assert_eq!(
        refused,
        Err(WriteRefusal::Congested),
        "the rest of the frame"
    );
    let event = Event::KeyframeRequest { mid: rest.mid };
    assert_eq!(sender.poll_event(), Some(event));
}

#[test]
fn after_a_drop_nothing_is_sent_before_a_keyframe() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&frame(1, true)), now).unwrap();
    let late = now + ms(1_100);
    assert_eq!(client.take(&mut sender, late).len(), 0);
    assert_eq!(keyframe_requests(&mut sender), 1);
    for sequence in 2..=20 {
        let refused = sender.write(&outgoing(&frame(sequence, false)), late + ms(20 * sequence));
        assert_eq!(refused, Err(WriteRefusal::Congested), "{sequence}");
    }
    assert_eq!(keyframe_requests(&mut sender), 0, "not so soon again");
    let later = late + ms(500);
    let refused = sender.write(&outgoing(&frame(21, false)), later);
    assert_eq!(refused, Err(WriteRefusal::Congested));
    assert_eq!(keyframe_requests(&mut sender), 1, "again");
    sender.write(&outgoing(&frame(22, true)), later).unwrap();
    sender.write(&outgoing(&frame(23, false)), later).unwrap();
    let shown = client.take(&mut sender, later);
    let numbers: Vec<u16> = shown.iter().map(|packet| packet.sequence).collect();
    assert_eq!(numbers, [2, 3], "no gap that would be asked for in vain");
}

#[test]
fn a_keyframe_that_waits_behind_old_video_is_kept() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&frame(1, true)), now).unwrap();
    for (sequence, starts) in [(2, false), (3, true), (4, false)] {
        let packet = frame(sequence, starts);
        sender.write(&outgoing(&packet), now + ms(900)).unwrap();
    }
    let shown = client.take(&mut sender, now + ms(1_100));
    let numbers: Vec<u16> = shown.iter().map(|packet| packet.sequence).collect();
    assert_eq!(numbers, [3, 4]);
    let next = sender.write(&outgoing(&frame(5, false)), now + ms(1_100));
    assert_eq!(next, Ok(()), "the stream is whole again");
}

#[test]
fn a_keyframe_whose_first_packet_comes_late_does_not_end_a_gap() {
    let (mut sender, mut client, now) = stage();
    sender.write(&outgoing(&frame(1, true)), now).unwrap();
    client.take(&mut sender, now + ms(1_100));
    let late = now + ms(1_100);
    for (sequence, starts) in [(4, false), (3, true), (5, false)] {
        let refused = sender.write(&outgoing(&frame(sequence, starts)), late);
        assert_eq!(refused, Err(WriteRefusal::Congested), "{sequence}");
    }
    assert_eq!(sender.write(&outgoing(&frame(6, true)), late), Ok(()));
}

/// A second of a 1.8 Mbit/s stream that crosses a path of 20 ms, and then a frame of which five
/// packets come 29 ms apart, at 0.3 Mbit/s; three are under way. The time of the report about it.
fn collapse(sender: &mut Sender, client: &mut Client, start: Instant) -> Instant {
    let (mut now, mut told) = (start, 1);
    for round in 0..30_u64 {
        for place in 0..8 {
            let mut packet = video(round * 8 + place + 1, 1_100, place == 7);
            packet.timestamp = round as u32;
            sender.write(&outgoing(&packet), now).unwrap();
        }
        let began = (now - start).as_millis() as u64;
        while sender.queued_packets > 0 {
            now = sender.next().unwrap().max(now);
            sender.handle_timeout(now);
            client.take(sender, now);
        }
        let sent = sender.transport_number - told;
        let (sent, apart) = if round == 29 {
            (sent - 3, 29)
        } else {
            (sent, 1)
        };
        let arrivals: Vec<_> = (0..sent)
            .map(|place| Some(began + 20 + place * apart))
            .collect();
        now = now.max(start + ms(began + 40));
        client.feedback(sender, (told as u16, round as u8), &arrivals, now);
        told += sent;
    }
    now
}

#[test]
fn video_waits_while_the_queue_of_a_path_that_collapsed_empties() {
    let (mut sender, mut client, start) = stage();
    let now = collapse(&mut sender, &mut client, start);
    assert_eq!(sender.counters().drains, 1);
    assert!(sender.estimate() < Bitrate::kbps(350));
    let refused = sender.write(&outgoing(&frame(300, true)), now);
    assert_eq!(refused, Err(WriteRefusal::Congested));
    client.nack(&mut sender, client::VIDEO, &[230], now);
    sender.write(&outgoing(&audio(1, 80)), now).unwrap();
    let sent = client.take(&mut sender, now);
    assert_eq!(sent.len(), 1, "voices go on, repair waits too");
    assert_eq!(keyframe_requests(&mut sender), 0);

    let told = sender.transport_number - 4;
    let arrivals = [1_500, 1_530, 1_560, 1_570].map(Some);
    let emptied = now + ms(300);
    client.feedback(&mut sender, (told as u16, 30), &arrivals, emptied);
    assert_eq!(keyframe_requests(&mut sender), 1);
    let delta = sender.write(&outgoing(&frame(301, false)), emptied);
    assert_eq!(delta, Err(WriteRefusal::Congested));
    assert_eq!(sender.write(&outgoing(&frame(302, true)), emptied), Ok(()));
}

#[test]
fn a_drain_of_which_nothing_is_told_ends_in_time() {
    let (mut sender, mut client, start) = stage();
    let now = collapse(&mut sender, &mut client, start);
    let refused = sender.write(&outgoing(&frame(300, false)), now);
    assert_eq!(refused, Err(WriteRefusal::Congested));
    sender.handle_timeout(now + ms(1_499));
    assert_eq!(keyframe_requests(&mut sender), 0);
    sender.handle_timeout(now + ms(1_500));
    assert_eq!(keyframe_requests(&mut sender), 1);
    let begun = sender.write(&outgoing(&frame(301, true)), now + ms(1_500));
    assert_eq!(begun, Ok(()));
}

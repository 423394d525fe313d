//! What is sent again.

use super::client::{VIDEO, ms, outgoing, stage, video};
use super::*;

#[test]
fn what_feedback_tells_was_lost_comes_again_unasked() {
    let (mut sender, mut client, now) = stage();
    let write = |sender: &mut Sender, sequence, at| {
        let frame = video(sequence, 700, true);
        sender.write(&outgoing(&frame), at).unwrap();
    };
    write(&mut sender, 1, now);
    write(&mut sender, 2, now);
    assert_eq!(client.take(&mut sender, now).len(), 2);
    client.feedback(&mut sender, (1, 0), &[None, Some(20)], now + ms(50));
    let first = client.take(&mut sender, now + ms(50));
    assert_eq!(first[0].payload[..2], [0, 1], "a packet");

    write(&mut sender, 3, now + ms(60));
    client.take(&mut sender, now + ms(60));
    client.feedback(&mut sender, (3, 1), &[None, Some(80)], now + ms(110));
    let again = client.take(&mut sender, now + ms(110));
    assert_eq!(again[0].payload[..2], [0, 1], "its repair");
    assert_eq!(again[0].sequence, first[0].sequence + 1);

    client.nack(&mut sender, VIDEO, &[1], now + ms(115));
    assert_eq!(client.take(&mut sender, now + ms(115)).len(), 0, "too soon");
    assert_eq!(sender.counters().resent_unasked, 2);
}

#[test]
fn what_was_asked_for_is_not_sent_again_when_feedback_tells_the_same() {
    let (mut sender, mut client, now) = stage();
    for sequence in 1..=3 {
        let frame = video(sequence, 700, true);
        sender.write(&outgoing(&frame), now).unwrap();
    }
    client.take(&mut sender, now);
    client.nack(&mut sender, VIDEO, &[2], now + ms(30));
    assert_eq!(client.take(&mut sender, now + ms(30)).len(), 1);
    let fates = [Some(20), None, Some(20)];
    client.feedback(&mut sender, (1, 0), &fates, now + ms(50));
    assert_eq!(client.take(&mut sender, now + ms(50)).len(), 0);
    let frame = video(4, 700, true);
    sender.write(&outgoing(&frame), now + ms(60)).unwrap();
    client.take(&mut sender, now + ms(60));
    client.feedback(&mut sender, (4, 1), &[None, Some(80)], now + ms(100));
    let again = client.take(&mut sender, now + ms(100));
    assert_eq!(again[0].payload[..2], [0, 2], "but when that is lost too");
}

#[test]
fn repair_is_sent_again_when_the_report_about_it_goes_missing() {
    let (mut sender, mut client, now) = stage();
    for sequence in 1..=3 {
        let frame = video(sequence, 700, true);
        sender.write(&outgoing(&frame), now).unwrap();
    }
    client.take(&mut sender, now);
    client.nack(&mut sender, VIDEO, &[2], now + ms(30));
    assert_eq!(client.take(&mut sender, now + ms(30)).len(), 1, "number 4");
    for sequence in 4..=5 {
        let frame = video(sequence, 700, true);
        sender.write(&outgoing(&frame), now + ms(60)).unwrap();
    }
    client.take(&mut sender, now + ms(60));
    client.feedback(&mut sender, (6, 1), &[Some(80)], now + ms(100));
    let again = client.take(&mut sender, now + ms(100));
    let numbers: Vec<_> = again.iter().map(|packet| &packet.payload[..2]).collect();
    assert_eq!(
        numbers,
        [[0, 2]],
        "packet 4's fate is as unknown, and asked for"
    );
}

/// A stream of 0.6 Mbit/s for 5 s over a path that loses one packet in ten; the last lost is
/// number `n`, told of at the returned time.
fn lossy(sender: &mut Sender, client: &mut client::Client, start: Instant) -> Instant {
    let mut number = 1;
    let mut now = start;
    for report in 0..50_u64 {
        for step in 0..10 {
            let frame = video(report * 10 + step + 1, 700, true);
            sender.write(&outgoing(&frame), now).unwrap();
            client.take(sender, now);
            now += ms(10);
            sender.handle_timeout(now);
        }
        let sent = sender.transport_number - number;
        let arrivals: Vec<_> = (0..sent)
            .map(|place| (place != 4).then_some(20 + report * 100 + place * 5))
            .collect();
        client.feedback(sender, (number as u16, report as u8), &arrivals, now);
        number = sender.transport_number;
    }
    now
}

#[test]
fn a_path_that_loses_at_random_and_has_room_is_sent_repair_twice() {
    let (mut sender, mut client, start) = stage();
    let now = lossy(&mut sender, &mut client, start);
    let first = client.take(&mut sender, now);
    assert_eq!(first.len(), 1);
    sender.handle_timeout(now + ms(9));
    assert_eq!(client.take(&mut sender, now + ms(9)).len(), 0);
    assert_eq!(sender.next(), Some(now + ms(10)));
    sender.handle_timeout(now + ms(10));
    let second = client.take(&mut sender, now + ms(10));
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].payload, first[0].payload);
    let told = sender.transport_number - 2;
    let fates = [None, Some(5_100)];
    client.feedback(&mut sender, (told as u16, 50), &fates, now + ms(60));
    assert_eq!(client.take(&mut sender, now + ms(60)).len(), 0, "it came");
    assert!(sender.counters().resent_twice > 20);
}

#[test]
fn a_second_copy_is_spared_when_the_first_is_known_to_have_come() {
    let (mut sender, mut client, start) = stage();
    let now = lossy(&mut sender, &mut client, start);
    assert_eq!(client.take(&mut sender, now).len(), 1);
    let before = sender.counters().resent_twice;
    let told = sender.transport_number - 1;
    let fates = [Some(5_030)];
    client.feedback(&mut sender, (told as u16, 50), &fates, now + ms(5));
    sender.handle_timeout(now + ms(10));
    assert_eq!(client.take(&mut sender, now + ms(10)).len(), 0);
    assert_eq!(sender.counters().resent_twice, before);
}

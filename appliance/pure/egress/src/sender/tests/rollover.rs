//! Numbers that begin again at zero, three times.

use super::client::{ms, outgoing, stage, video};

/// Packets of a report; sixteen bits hold no multiple of it, so that reports meet the rollover in
/// every way.
const REPORTED: u64 = 47;

#[test]
fn what_was_lost_is_found_over_three_rollovers() {
    let (mut sender, mut client, mut now) = stage();
    let mut random = fastrand::Rng::with_seed(4_711);
    let (mut sequence, mut told, mut carried) = (1, 1, 0);
    for report in 0_u64.. {
        for _ in 0..REPORTED {
            let packet = video(sequence, 60, true);
            sender.write(&outgoing(&packet), now).unwrap();
            sequence += 1;
        }
        while sender.queued_packets > 0 {
            now = sender.next().unwrap().max(now);
            sender.handle_timeout(now);
            client.repair(&mut sender, now);
        }
        let sent = sender.transport_number - told;
        assert_eq!(
            sent,
            carried + REPORTED,
            "repair of the last report's goes first"
        );
        let lost = random.u64(0..REPORTED - 1);
        let fates: Vec<_> = (0..sent)
            .map(|place| (place != carried + lost).then_some(20 + report * 100 + place))
            .collect();
        now += ms(100);
        client.feedback(&mut sender, (told as u16, report as u8), &fates, now);
        told += sent;
        let missing = (sequence - REPORTED + lost) as u16;
        let again = client.repair(&mut sender, now);
        let numbers: Vec<_> = again.iter().map(|packet| &packet.payload[..2]).collect();
        assert_eq!(numbers, [missing.to_be_bytes()], "report {report}");
        carried = again.len() as u64;
        if told >> 16 >= 3 && sequence >> 16 >= 3 {
            break;
        }
    }
    assert!(sender.streams[1].continuity.highest().unwrap() >> 16 >= 3);
}

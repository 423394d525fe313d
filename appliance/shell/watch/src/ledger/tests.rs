use super::*;

fn raised(id: &str) -> News {
    News::Raised {
        id: id.to_owned(),
        priority: Priority::High,
    }
}

fn gone(id: &str) -> News {
    News::Gone { id: id.to_owned() }
}

/// Everything that may be written at that moment, written.
fn write(ledger: &mut Ledger, now: Instant) -> Vec<(String, bool, u32)> {
    let mut written = Vec::new();
    while let Some(entry) = ledger.next(now) {
        ledger.written(&entry, now);
        written.push((entry.id, entry.stands, entry.raises));
    }
    written
}

fn entry(id: &str, stands: bool, raises: u32) -> (String, bool, u32) {
    (id.to_owned(), stands, raises)
}

#[test]
fn an_alarm_that_comes_and_goes_is_on_record_at_once() {
    let now = Instant::now();
    let mut ledger = Ledger::new(now);
    ledger.handle_news(vec![raised("LOSS:a"), raised("DISK-LOW")], now);
    let both = [entry("DISK-LOW", true, 1), entry("LOSS:a", true, 1)];
    assert_eq!(write(&mut ledger, now), both);
    ledger.handle_news(vec![gone("LOSS:a")], now);
    assert_eq!(write(&mut ledger, now), [entry("LOSS:a", false, 0)]);
    assert_eq!(write(&mut ledger, now + EVERY), []);
}

#[test]
fn what_could_not_be_written_comes_again() {
    let now = Instant::now();
    let mut ledger = Ledger::new(now);
    ledger.handle_news(vec![raised("AUDIT-UNWRITABLE")], now);
    assert_eq!(ledger.next(now), ledger.next(now));
    ledger.handle_news(
        vec![gone("AUDIT-UNWRITABLE"), raised("AUDIT-UNWRITABLE")],
        now,
    );
    assert_eq!(
        write(&mut ledger, now),
        [entry("AUDIT-UNWRITABLE", true, 2)]
    );
}

#[test]
fn an_alarm_that_chatters_for_a_day_does_not_fill_the_record_and_ends_as_it_stands() {
    let start = Instant::now();
    let mut ledger = Ledger::new(start);
    let day = Duration::from_hours(24);
    let (mut written, mut raises, mut now) = (Vec::new(), 0, start);
    while now < start + day {
        ledger.handle_news(vec![raised("LOSS:a")], now);
        written.extend(write(&mut ledger, now));
        now += Duration::from_secs(5);
        ledger.handle_news(vec![gone("LOSS:a")], now);
        written.extend(write(&mut ledger, now));
        now += Duration::from_secs(5);
        raises += 1;
    }
    let most = day.as_secs() / EVERY.as_secs() + u64::from(BURST);
    assert!(written.len() as u64 <= most, "{} entries", written.len());
    written.extend(write(&mut ledger, now + EVERY));
    assert_eq!(written.last().map(|(_, stands, _)| *stands), Some(false));
    let told: u32 = written.iter().map(|(.., raises)| raises).sum();
    assert_eq!(told, raises, "every raise is counted");
    // Another alarm does not wait for it.
    ledger.handle_news(vec![raised("DISK-LOW")], now);
    assert_eq!(write(&mut ledger, now), [entry("DISK-LOW", true, 1)]);
}

#[test]
fn a_storm_of_alarms_is_on_record_little_by_little() {
    let start = Instant::now();
    let mut ledger = Ledger::new(start);
    let storm = (0..=MAX_FOLLOWED).map(|n| raised(&format!("LOSS:{n:05}")));
    ledger.handle_news(storm.collect(), start);
    assert_eq!(ledger.left_out(), 1);
    assert_eq!(write(&mut ledger, start).len(), BURST_OF_ALL as usize);
    assert_eq!(write(&mut ledger, start + EVERY_OF_ALL).len(), 1);
}

#[test]
fn alarms_that_are_calm_again_make_room() {
    let start = Instant::now();
    let mut ledger = Ledger::new(start);
    let mut now = start;
    for n in 0..2 * MAX_FOLLOWED {
        let id = format!("LOSS:{n:05}");
        ledger.handle_news(vec![raised(&id), gone(&id)], now);
        write(&mut ledger, now);
        now += 2 * EVERY_OF_ALL;
    }
    assert_eq!(ledger.left_out(), 0);
}

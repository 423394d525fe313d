//! Capacity found, lost, found again and shared.

use super::SEEDS;
use crate::link::{MS, Path, SECOND};
use crate::sender::Stream;
use crate::sim::Sim;

#[test]
fn a_viewer_of_three_megabits_gets_them_within_a_second() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(10.0)).flow(Stream::Elastic(3e6));
        sim.run_seconds(2.0);
        let took = sim.seconds_until(0, |estimate| estimate >= 3.5e6);
        println!("full rate after {took} s");
        assert!(took < 0.5, "{took} s, {sim}");
    }
}

#[test]
fn a_small_path_is_known_after_the_first_probe() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(0.5)).flow(Stream::Elastic(3e6));
        sim.run_seconds(3.0);
        let took = sim.seconds_until(0, |estimate| estimate < 0.6e6);
        println!("small path known after {took} s");
        assert!(took < 1.0, "{took} s, {sim}");
    }
}

#[test]
fn five_megabits_that_become_a_third_of_one_are_left_and_found_again() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(4e6));
        sim.run_seconds(10.0);
        sim.link.path.rate = 0.3e6;
        let dropped = sim.now;
        sim.run_seconds(20.0);
        let down = sim.seconds_until(dropped, |estimate| estimate < 0.4e6);
        let (_, most) = sim.flows[0].range(dropped + SECOND, sim.now);

        sim.link.path.rate = 5e6;
        let back = sim.now;
        sim.run_seconds(10.0);
        let up = sim.seconds_until(back, |estimate| estimate >= 4.3e6);
        let got = sim.flows[0].throughput(back + 5 * SECOND, sim.now);
        println!("down after {down} s, at most {most} then, up after {up} s, {got} bit/s");
        assert!(down < 1.0 && most < 0.45e6, "{down} s, {most}, {sim}");
        assert!(up < 5.0 && got > 3.6e6, "{up} s, {got}, {sim}");
    }
}

#[test]
fn two_flows_share_their_bottleneck() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(5.0)).flow(Stream::Elastic(4.5e6));
        sim.run_for(10 * SECOND + (seed % 31) as i64 * MS);
        sim.add_flow(Stream::Elastic(4.5e6));
        let joined = sim.now;
        sim.run_seconds(40.0);
        let (from, until) = (joined + 10 * SECOND, sim.now);
        let [first, second] = [0, 1].map(|flow| sim.flows[flow].throughput(from, until));
        println!("shares {first} and {second}");
        assert!(
            first < 2.0 * second && second < 2.0 * first,
            "{first} {second} {sim}"
        );
        assert!(first + second > 3.5e6, "{first} {second} {sim}");
    }
}

#[test]
fn a_stream_smaller_than_its_path_neither_inflates_nor_starves_the_estimate() {
    for seed in SEEDS {
        let path = Path {
            jitter: 10 * MS,
            ..Path::of_mbps(20.0)
        };
        let mut sim = Sim::new(seed, path).flow(Stream::Elastic(1e6));
        sim.run_seconds(60.0);
        let (least, most) = sim.flows[0].range(2 * SECOND, sim.now);
        println!("estimate for 1 Mbit/s: {least} to {most}");
        assert!(least > 1.25e6 && most < 3e6, "{least} {most} {sim}");
    }
}

#[test]
fn a_viewer_who_listens_for_a_minute_sees_at_once_again() {
    for seed in SEEDS {
        let mut sim = Sim::new(seed, Path::of_mbps(10.0)).flow(Stream::Elastic(3e6));
        sim.run_seconds(5.0);
        let before = sim.flows[0].estimate();
        sim.flows[0].sender.set_stream(Stream::Audio, sim.now);
        sim.run_seconds(60.0);
        let after = sim.flows[0].estimate();
        println!("estimate before {before}, after {after}");
        assert!(after > 0.8 * before && after < 1.5 * before, "{sim}");
    }
}

#[test]
fn a_tenth_lost_at_random_does_not_slow_the_stream() {
    for seed in SEEDS {
        let path = Path {
            loss: 0.1,
            ..Path::of_mbps(10.0)
        };
        let mut sim = Sim::new(seed, path).flow(Stream::Elastic(2e6));
        sim.run_seconds(30.0);
        let got = sim.flows[0].throughput(5 * SECOND, sim.now);
        println!("of 2 Mbit/s at 10 % loss arrive {got}");
        assert!(got > 1.8e6, "{got} {sim}");
    }
}

#[test]
fn a_path_that_drops_instead_of_queueing_is_found_by_its_loss() {
    for seed in SEEDS {
        let path = Path {
            queue: 8_000,
            ..Path::of_mbps(2.0)
        };
        let mut sim = Sim::new(seed, path).flow(Stream::Elastic(4e6));
        sim.run_seconds(30.0);
        let got = sim.flows[0].throughput(5 * SECOND, sim.now);
        let (_, most) = sim.flows[0].range(5 * SECOND, sim.now);
        println!("without a queue arrive {got} of 2 Mbit/s, estimate at most {most}");
        assert!(got > 1.2e6 && most < 2.6e6, "{got} {most} {sim}");
    }
}

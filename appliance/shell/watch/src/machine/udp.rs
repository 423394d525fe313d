//! Datagrams that the kernel dropped: the last column of `/proc/self/net/udp` (proc(5)).

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

/// Over how long drops are recent.
const WINDOW: Duration = Duration::from_secs(10);

/// Largest table that is read: a socket is a line of some 130 bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Dropped so far by sockets on these ports; `None` where the table cannot be read.
pub(super) fn dropped(ports: &[u16]) -> Option<u64> {
    let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
    let mut tables = tables
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .peekable();
    tables.peek()?;
    let tables = tables.filter(|table| table.len() <= MAX_BYTES);
    Some(tables.map(|table| in_table(&table, ports)).sum())
}

fn in_table(table: &str, ports: &[u16]) -> u64 {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (_, port) = words.nth(1)?.rsplit_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            let drops: u64 = words.last()?.parse().ok()?;
            ports.contains(&port).then_some(drops)
        })
        .sum()
}

/// Drops since the start, and lately.
#[derive(Debug, Default)]
pub(super) struct Drops {
    seen: VecDeque<(Instant, u64)>,
}

impl Drops {
    pub(super) fn look(&mut self, dropped: Option<u64>, now: Instant) -> Option<u64> {
        let dropped = dropped?;
        self.seen.push_back((now, dropped));
        // The last one before the window is what the window is compared with.
        while let Some((at, _)) = self.seen.get(1) {
            if now.saturating_duration_since(*at) < WINDOW {
                break;
            }
            self.seen.pop_front();
        }
        Some(dropped)
    }

    pub(super) fn lately(&self) -> u64 {
        match (self.seen.front(), self.seen.back()) {
            (Some((_, before)), Some((_, now))) => now.saturating_sub(*before),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_our_ports() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            1: 00000000:1ECA 00000000:0000 07 00000000:00000000 00:00000000 00000000  0 0 1 2 0 17\n\
            2: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  0 0 1 2 0 400\n\
            3: broken\n";
        assert_eq!(in_table(table, &[7_882]), 17);
        assert_eq!(in_table(table, &[7_882, 53]), 417);
        assert_eq!(in_table("", &[7_882]), 0);
    }
}

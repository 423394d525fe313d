//! TCP candidates: where clients whose UDP is blocked may connect to (RFC 6544).
//!
//! Only the text of session descriptions names them. What comes over TCP reaches a worker as
//! datagrams of this machine, so that str0m has nothing to know of it.

use std::fmt::Write;
use std::net::SocketAddr;

/// The type preference of a host candidate over TCP: below that of any over UDP, 126
/// (RFC 8445 §5.1.2.2; pion and LiveKit have the same).
const TYPE_PREFERENCE: u32 = 99;

/// The direction preference of a passive host candidate (RFC 6544 §4.2).
const PASSIVE: u32 = 4;

/// The lines that each media section gets.
#[derive(Debug, Default)]
pub(crate) struct TcpCandidates {
    lines: String,
}

impl TcpCandidates {
    /// `known_as` are the addresses of the box that clients are told; `listening` where it takes
    /// TCP. With `is_behind_nat` clients know no address that the box has.
    pub(crate) fn new(
        known_as: &[SocketAddr],
        listening: &[SocketAddr],
        is_behind_nat: bool,
    ) -> Self {
        let mut lines = String::new();
        let pairs = listening.iter().flat_map(|tcp| {
            let reached = known_as
                .iter()
                .filter(move |known| is_reached(known, tcp, is_behind_nat));
            reached.map(|known| (known.ip(), tcp.port()))
        });
        for (index, (ip, port)) in (0_u32..).zip(pairs) {
            let local = PASSIVE << 13 | (8_191 - index.min(8_191));
            let priority = TYPE_PREFERENCE << 24 | local << 8 | 255;
            // Writing to a String cannot fail.
            let _ = write!(
                lines,
                "a=candidate:tcp{index} 1 tcp {priority} {ip} {port} typ host tcptype passive\r\n"
            );
        }
        Self { lines }
    }

    /// The description with the lines after the candidates of each section.
    pub(crate) fn add_to(&self, sdp: String) -> String {
        if self.lines.is_empty() {
            return sdp;
        }
        let mut added = String::with_capacity(sdp.len() + 2 * self.lines.len());
        let mut was_candidate = false;
        for line in sdp.split_inclusive('\n') {
            let is_candidate = line.starts_with("a=candidate:");
            if was_candidate && !is_candidate {
                added.push_str(&self.lines);
            }
            was_candidate = is_candidate;
            added.push_str(line);
        }
        if was_candidate {
            added.push_str(&self.lines);
        }
        added
    }
}

fn is_reached(known: &SocketAddr, tcp: &SocketAddr, is_behind_nat: bool) -> bool {
    if tcp.ip().is_unspecified() {
        // Linux takes IPv4 on `[::]` as well.
        return tcp.is_ipv6() || known.is_ipv4();
    }
    known.ip() == tcp.ip() || (is_behind_nat && known.is_ipv4() == tcp.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn clients_are_told_where_the_box_really_takes_tcp() {
        let known = [addr("10.0.0.5:7882"), addr("[fd00::5]:7882")];
        for (name, listening, nat, want) in [
            ("nowhere", &[][..], false, &[][..]),
            (
                "on all",
                &["[::]:443"],
                false,
                &["10.0.0.5 443", "fd00::5 443"],
            ),
            ("on all of IPv4", &["0.0.0.0:443"], false, &["10.0.0.5 443"]),
            ("on one", &["[fd00::5]:443"], false, &["fd00::5 443"]),
            ("on one that is not told", &["127.0.0.1:443"], false, &[]),
            (
                "on one behind a NAT",
                &["192.168.0.2:443"],
                true,
                &["10.0.0.5 443"],
            ),
            (
                "on two ports",
                &["0.0.0.0:443", "0.0.0.0:7881"],
                false,
                &["10.0.0.5 443", "10.0.0.5 7881"],
            ),
        ] {
            let listening: Vec<_> = listening.iter().map(|text| addr(text)).collect();
            let lines = TcpCandidates::new(&known, &listening, nat).lines;
            let found: Vec<_> = lines
                .lines()
                .map(|line| {
                    line.split(' ')
                        .skip(4)
                        .take(2)
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect();
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn each_section_gets_them_after_its_own() {
        let candidates = TcpCandidates::new(&[addr("10.0.0.5:1")], &[addr("0.0.0.0:443")], false);
        let own = "a=candidate:1 1 udp 2130706175 10.0.0.5 1 typ host\r\n";
        let tcp = "a=candidate:tcp0 1 tcp 1671430143 10.0.0.5 443 typ host tcptype passive\r\n";
        let sdp = format!("v=0\r\nm=audio\r\n{own}{own}a=end-of-candidates\r\nm=video\r\n{own}");
        let want = format!(
            "v=0\r\nm=audio\r\n{own}{own}{tcp}a=end-of-candidates\r\nm=video\r\n{own}{tcp}"
        );
        assert_eq!(candidates.add_to(sdp), want);
        let without = "v=0\r\nm=audio\r\n".to_owned();
        assert_eq!(candidates.add_to(without.clone()), without);
        assert_eq!(TcpCandidates::default().add_to(own.to_owned()), own);
    }
}

//! Whether what is sent to this machine's own addresses arrives at their ports: a packet filter
//! that drops it drops what clients send as well. What lies between (switches, firewalls) only a
//! client can say.

use crate::finding::{Code, Finding};
use crate::plan::Plan;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// On the machine itself an answer takes microseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is sent to a port nobody else uses.
const PROBE: &[u8] = b"ringward check";

pub(crate) struct Reach {
    what: &'static str,
    address: SocketAddr,
    /// Whether it came.
    arrived: Result<bool, io::ErrorKind>,
}

/// Ports that somebody holds are tried as they are (TCP) or left alone (UDP: a box does not answer
/// strangers).
pub(crate) fn measure(plan: &Plan) -> Vec<Reach> {
    let mut found = Vec::new();
    for address in expand(&plan.tcp, &plan.udp) {
        found.push(Reach {
            what: "tcp",
            address,
            arrived: tcp(address).map_err(|error| error.kind()),
        });
    }
    for address in &plan.udp {
        if let Some(arrived) = udp(*address) {
            found.push(Reach {
                what: "udp",
                address: *address,
                arrived: arrived.map_err(|error| error.kind()),
            });
        }
    }
    found
}

/// A listener on all addresses is tried on each that the media sockets have.
fn expand(tcp: &[SocketAddr], udp: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for listener in tcp {
        if !listener.ip().is_unspecified() {
            addresses.push(*listener);
            continue;
        }
        let own = udp.iter().map(SocketAddr::ip);
        let usable = own.filter(|ip| listener.is_ipv6() || ip.is_ipv4());
        addresses.extend(usable.map(|ip| SocketAddr::new(ip, listener.port())));
    }
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

fn tcp(address: SocketAddr) -> io::Result<bool> {
    // Held by a box: it accepts. Free: we do.
    let listener = TcpListener::bind(address);
    match TcpStream::connect_timeout(&address, PATIENCE) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
        Err(error) => match listener {
            // Not ours to open, and nobody there: nothing is known.
            Err(refused) if refused.kind() != io::ErrorKind::AddrInUse => Err(refused),
            _ => Err(error),
        },
    }
}

fn udp(address: SocketAddr) -> Option<io::Result<bool>> {
    let receiver = UdpSocket::bind(address).ok()?;
    let sent = || {
        let sender = UdpSocket::bind(SocketAddr::new(address.ip(), 0))?;
        receiver.set_read_timeout(Some(PATIENCE))?;
        sender.send_to(PROBE, address)?;
        let mut read = [0; PROBE.len()];
        match receiver.recv(&mut read) {
            Ok(length) => Ok(read.get(..length) == Some(PROBE)),
            Err(error) if is_timeout(&error) => Ok(false),
            Err(error) => Err(error),
        }
    };
    Some(sent())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub(crate) fn judge(tried: &[Reach]) -> Vec<Finding> {
    tried.iter().filter_map(one).collect()
}

fn one(tried: &Reach) -> Option<Finding> {
    let Reach { what, address, .. } = tried;
    Some(match tried.arrived {
        Ok(true) => Finding::pass(Code::Reach, format!("{what} {address} is reached")),
        Ok(false) | Err(io::ErrorKind::PermissionDenied) => Finding::fail(
            Code::Reach,
            format!(
                "{what} {address}: what is sent to it does not arrive; a packet filter drops it"
            ),
            format!(
                "`nft list ruleset` shows which chain drops it; allow it there, before the drop: \
                 `nft insert rule inet filter input {what} dport {} accept`",
                address.port()
            ),
        ),
        // The port's own finding says it better.
        Err(io::ErrorKind::AddrNotAvailable) => return None,
        Err(kind) => Finding::warn(
            Code::Reach,
            format!("{what} {address} could not be tried: {kind}"),
            "run the check as root",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn what_does_not_arrive_is_a_failure() {
        for (arrived, want) in [
            (Ok(true), Some(Grade::Pass)),
            (Ok(false), Some(Grade::Fail)),
            (Err(io::ErrorKind::PermissionDenied), Some(Grade::Fail)),
            (Err(io::ErrorKind::ConnectionRefused), Some(Grade::Warn)),
            (Err(io::ErrorKind::AddrNotAvailable), None),
        ] {
            let tried = Reach {
                what: "udp",
                address: ([127, 0, 0, 1], 7_882).into(),
                arrived,
            };
            assert_eq!(one(&tried).map(|f| f.grade), want, "{arrived:?}");
        }
    }

    #[test]
    fn a_listener_on_all_addresses_is_tried_on_each() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let udp = [at("10.0.0.5:7882"), at("[fd00::5]:7882")];
        let all = expand(&[at("[::]:443")], &udp);
        assert_eq!(all, [at("10.0.0.5:443"), at("[fd00::5]:443")]);
        assert_eq!(expand(&[at("0.0.0.0:443")], &udp), [at("10.0.0.5:443")]);
        assert_eq!(expand(&[at("10.0.0.5:80")], &udp), [at("10.0.0.5:80")]);
    }

    #[test]
    fn a_free_port_and_a_held_one_are_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let held = listener.local_addr().unwrap();
        assert!(tcp(held).unwrap());
        drop(listener);
        assert!(tcp(held).unwrap());
        assert!(udp(held).unwrap().unwrap());
    }
}

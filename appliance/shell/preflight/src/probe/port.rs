//! The ports of the settings: free, held by a box that runs, or held by another program.

use crate::finding::{Code, Finding};
use crate::plan::Plan;
use procfs::net::TcpState;
use procfs::process::FDTarget;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// The program's name as the kernel keeps it.
const OURS: &str = "ringward";

/// The service manager holds the ports of `ringward.socket`.
const MANAGER: &str = "systemd";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

pub(crate) struct Port {
    protocol: Protocol,
    address: SocketAddr,
    state: State,
}

enum State {
    Free,
    /// Who: name and process, as far as this user may see.
    Held(Option<(String, i32)>),
    Refused(io::ErrorKind),
}

pub(crate) fn measure(plan: &Plan) -> Vec<Port> {
    let tcp = plan.tcp.iter().map(|address| (Protocol::Tcp, *address));
    let udp = plan.udp.iter().map(|address| (Protocol::Udp, *address));
    tcp.chain(udp)
        .map(|(protocol, address)| Port {
            protocol,
            address,
            state: state(protocol, address),
        })
        .collect()
}

fn state(protocol: Protocol, address: SocketAddr) -> State {
    let bound = match protocol {
        Protocol::Tcp => TcpListener::bind(address).map(drop),
        Protocol::Udp => UdpSocket::bind(address).map(drop),
    };
    match bound {
        Ok(()) => State::Free,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            State::Held(holder(protocol, address))
        }
        Err(error) => State::Refused(error.kind()),
    }
}

/// Whose socket is in the way. Without root only one's own processes are to be seen.
fn holder(protocol: Protocol, address: SocketAddr) -> Option<(String, i32)> {
    let sockets = match protocol {
        Protocol::Tcp => listening(),
        Protocol::Udp => bound(),
    };
    let in_the_way = sockets
        .into_iter()
        .find(|(held, _)| overlap(*held, address));
    let (_, inode) = in_the_way?;
    procfs::process::all_processes()
        .ok()?
        .flatten()
        .find_map(|process| {
            let mut files = process.fd().ok()?.flatten();
            let has_it = files.any(|file| matches!(file.target, FDTarget::Socket(i) if i == inode));
            let name = process.stat().ok()?.comm;
            has_it.then_some((name, process.pid))
        })
}

fn listening() -> Vec<(SocketAddr, u64)> {
    let all = [procfs::net::tcp(), procfs::net::tcp6()];
    let sockets = all.into_iter().flatten().flatten();
    sockets
        .filter(|socket| socket.state == TcpState::Listen)
        .map(|socket| (socket.local_address, socket.inode))
        .collect()
}

fn bound() -> Vec<(SocketAddr, u64)> {
    let all = [procfs::net::udp(), procfs::net::udp6()];
    let sockets = all.into_iter().flatten().flatten();
    sockets
        .map(|socket| (socket.local_address, socket.inode))
        .collect()
}

/// Whether both cannot be bound: the same port, and the same address or one that stands for all.
fn overlap(held: SocketAddr, wanted: SocketAddr) -> bool {
    let is_all = |ip: IpAddr| {
        ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED) || ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    };
    held.port() == wanted.port()
        && (held.ip() == wanted.ip() || is_all(held.ip()) || is_all(wanted.ip()))
}

pub(crate) fn judge(ports: &[Port]) -> Vec<Finding> {
    ports.iter().map(one).collect()
}

fn one(port: &Port) -> Finding {
    let place = format!("{} {}", port.protocol, port.address);
    let setting = match port.protocol {
        Protocol::Tcp => "http =, https = or ice-tcp =",
        Protocol::Udp => "udp-port =",
    };
    match &port.state {
        State::Free => Finding::pass(Code::Port, format!("{place} is free")),
        State::Held(Some((name, process))) if name == OURS || name == MANAGER => {
            Finding::pass(Code::Port, format!("{place} is held by {name} ({process})"))
        }
        State::Held(Some((name, process))) => Finding::fail(
            Code::Port,
            format!("{place} is held by {name} (process {process})"),
            format!("stop {name}, or choose another port with {setting} in the settings"),
        ),
        State::Held(None) => Finding::warn(
            Code::Port,
            format!("{place} is held by a program that this user may not see"),
            "run the check as root to see which",
        ),
        State::Refused(io::ErrorKind::PermissionDenied) => Finding::warn(
            Code::Port,
            format!("{place} is below 1024 and this user may not open it"),
            "`systemctl enable --now ringward.socket` opens it for the service",
        ),
        State::Refused(io::ErrorKind::AddrNotAvailable) => Finding::fail(
            Code::Port,
            format!("{place}: this machine has no such address"),
            format!("name one of `ip -brief address` with {setting} in the settings"),
        ),
        State::Refused(kind) => Finding::fail(
            Code::Port,
            format!("{place} cannot be opened: {kind}"),
            format!("choose another address with {setting} in the settings"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    #[test]
    fn a_port_is_judged_by_its_holder() {
        let held = |name: &str| State::Held(Some((name.to_owned(), 812)));
        for (name, state, want) in [
            ("free", State::Free, Grade::Pass),
            ("a box", held("ringward"), Grade::Pass),
            ("its socket unit", held("systemd"), Grade::Pass),
            ("another program", held("apache2"), Grade::Fail),
            ("somebody", State::Held(None), Grade::Warn),
            (
                "no right",
                State::Refused(io::ErrorKind::PermissionDenied),
                Grade::Warn,
            ),
            (
                "no such address",
                State::Refused(io::ErrorKind::AddrNotAvailable),
                Grade::Fail,
            ),
        ] {
            let port = Port {
                protocol: Protocol::Tcp,
                address: ([0, 0, 0, 0], 443).into(),
                state,
            };
            assert_eq!(one(&port).grade, want, "{name}");
        }
    }

    #[test]
    fn a_held_port_names_its_program() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        for (protocol, address) in [
            (Protocol::Tcp, tcp.local_addr().unwrap()),
            (Protocol::Udp, udp.local_addr().unwrap()),
        ] {
            let State::Held(Some((_, process))) = state(protocol, address) else {
                panic!("{protocol} {address} is not held");
            };
            assert_eq!(u32::try_from(process).unwrap(), std::process::id());
        }
    }

    #[test]
    fn an_address_for_all_is_in_the_way_of_each() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (held, wanted, want) in [
            ("10.0.0.5:443", "10.0.0.5:443", true),
            ("10.0.0.5:443", "10.0.0.6:443", false),
            ("0.0.0.0:443", "10.0.0.5:443", true),
            ("[::]:443", "0.0.0.0:443", true),
            ("10.0.0.5:443", "0.0.0.0:443", true),
            ("10.0.0.5:444", "10.0.0.5:443", false),
        ] {
            assert_eq!(overlap(at(held), at(wanted)), want, "{held} {wanted}");
        }
    }
}

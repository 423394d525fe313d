//! One connection: its frames to a media thread, the thread's datagrams back.

use crate::framing::{self, HEAD_BYTES, MAX_DATAGRAM_BYTES};
use crate::stun;
use socket2::SockRef;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use telemetry::names;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// How long a client may take until a media thread has answered it: a stranger pins a connection,
/// a socket and this much time.
const OPENING: Duration = Duration::from_secs(10);

/// A client whose path lives sends within this: ICE consent is asked for every 5 s
/// (RFC 7675 §5.1) and lost after 30.
const SILENCE: Duration = Duration::from_secs(30);

/// A client that takes nothing for so long is gone.
const STALL: Duration = Duration::from_secs(10);

/// What the kernel keeps of what a client has not taken yet. What does not fit waits in the UDP
/// socket and is then dropped, as on any narrow link; congestion control sees both. More would only
/// be delay.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Datagrams that have arrived together leave in one write of at most this.
const WRITE_BYTES: usize = 16 * 1024;

/// Read at a time.
const READ_BYTES: usize = 16 * 1024;

/// The first two bytes of loopback addresses that stand for clients over TCP: 127.64.0.0/10, of
/// which each client's address has one. So the guards of the media threads, which count by address,
/// count each client for itself.
const BRIDGED: u8 = 64;

/// No media thread has answered yet.
const NOBODY: usize = usize::MAX;

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The client closed it, or the network did.
    Gone,
    /// What came was no frame of ICE.
    Foreign,
    /// No media thread answered: no session has that ufrag, or the check was forged.
    Unanswered,
    /// Nothing came for too long.
    Silent,
    /// Nothing was taken for too long.
    Stalled,
    /// No socket was to be had.
    NoSocket,
}

impl Closed {
    /// The word for the metric.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Foreign => "foreign",
            Self::Unanswered => "unanswered",
            Self::Silent => "silent",
            Self::Stalled => "stalled",
            Self::NoSocket => "no_socket",
        }
    }
}

/// The way from TCP connections to the media threads.
#[derive(Debug, Clone)]
pub struct Bridge {
    threads: Arc<[SocketAddr]>,
    /// Keyed by a seed of the process, so that nobody can aim at another client's address.
    hash: RandomState,
}

/// Whether a remote address of a media thread stands for a client over TCP.
#[must_use]
pub fn is_bridged(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address.to_canonical() else {
        return false;
    };
    let [first, second, ..] = address.octets();
    first == 127 && second & 0xc0 == BRIDGED
}

impl Bridge {
    /// `bound` are the UDP addresses of all media threads; those of one thread have one port.
    #[must_use]
    pub fn new(bound: &[SocketAddr]) -> Self {
        let mut threads: Vec<SocketAddr> = Vec::new();
        for address in bound {
            match threads.iter_mut().find(|t| t.port() == address.port()) {
                None => threads.push(*address),
                // IPv4 where there is: its loopback has room for an address per client.
                Some(known) if known.is_ipv6() && address.is_ipv4() => *known = *address,
                Some(_) => {}
            }
        }
        Self {
            threads: threads.into(),
            hash: RandomState::new(),
        }
    }

    /// Whether a connection that begins with this byte speaks ICE-TCP. The first frame is a STUN
    /// message of less than 1,280 bytes, so its length begins with 0 to 4; TLS begins with 22 and
    /// HTTP with a letter.
    #[must_use]
    pub fn speaks(first: u8) -> bool {
        first < 5
    }

    /// Carries frames between `stream` and the media thread that answers, until either side ends.
    pub async fn carry(&self, mut stream: TcpStream, remote: IpAddr) -> Closed {
        let _counted = Counted::new();
        match self.socket(remote).await {
            Ok(socket) => self.carry_over(&mut stream, &socket).await,
            Err(_) => Closed::NoSocket,
        }
    }

    async fn carry_over(&self, stream: &mut TcpStream, socket: &UdpSocket) -> Closed {
        // Refused, the kernel's own measure holds.
        let _ = SockRef::from(&*stream).set_send_buffer_size(SEND_BUFFER_BYTES);
        let chosen = AtomicUsize::new(NOBODY);
        let (read, write) = stream.split();
        tokio::select! {
            closed = self.up(read, socket, &chosen) => closed,
            closed = self.down(write, socket, &chosen) => closed,
        }
    }

    /// Frames of the client. Until a media thread has answered, only connectivity checks pass, and
    /// each thread gets them: the one that knows the ufrag answers, the others do not.
    async fn up(&self, mut from: ReadHalf<'_>, socket: &UdpSocket, chosen: &AtomicUsize) -> Closed {
        let opened = tokio::time::Instant::now() + OPENING;
        let mut bytes = Vec::with_capacity(READ_BYTES + MAX_DATAGRAM_BYTES + HEAD_BYTES);
        loop {
            let is_open = chosen.load(Ordering::Relaxed) != NOBODY;
            let left = opened.saturating_duration_since(tokio::time::Instant::now());
            if !is_open && left.is_zero() {
                return Closed::Unanswered;
            }
            let patience = if is_open { SILENCE } else { left };
            match timeout(
                patience,
                (&mut from).take(READ_BYTES as u64).read_buf(&mut bytes),
            )
            .await
            {
                Ok(Ok(1..)) => {}
                Ok(_) => return Closed::Gone,
                Err(_) if is_open => return Closed::Silent,
                // A thread may have answered meanwhile: the turn says.
                Err(_) => continue,
            }
            let mut rest = &bytes[..];
            loop {
                match framing::first(rest) {
                    Ok(Some((frame, after))) => {
                        if self.pass_up(frame, socket, chosen).await.is_err() {
                            return Closed::Foreign;
                        }
                        rest = after;
                    }
                    Ok(None) => break,
                    Err(framing::NoFrame) => return Closed::Foreign,
                }
            }
            let left = rest.len();
            let read = bytes.len() - left;
            bytes.drain(..read);
        }
    }

    /// What a socket does not take is lost, as datagrams are.
    async fn pass_up(
        &self,
        frame: &[u8],
        socket: &UdpSocket,
        chosen: &AtomicUsize,
    ) -> Result<(), framing::NoFrame> {
        if let Some(thread) = self.threads.get(chosen.load(Ordering::Relaxed)) {
            let _ = socket.send_to(frame, thread).await;
            return Ok(());
        }
        if !stun::is_check(frame) {
            return Err(framing::NoFrame);
        }
        for thread in self.threads.iter() {
            let _ = socket.send_to(frame, thread).await;
        }
        Ok(())
    }

    /// Datagrams of the media thread.
    async fn down(
        &self,
        mut to: WriteHalf<'_>,
        socket: &UdpSocket,
        chosen: &AtomicUsize,
    ) -> Closed {
        let mut datagram = [0; MAX_DATAGRAM_BYTES];
        let mut frames = Vec::with_capacity(WRITE_BYTES + MAX_DATAGRAM_BYTES);
        loop {
            if socket.readable().await.is_err() {
                return Closed::Gone;
            }
            while frames.len() < WRITE_BYTES {
                match socket.try_recv_from(&mut datagram) {
                    Ok((length, from)) if self.is_chosen(from, chosen) => {
                        frames.extend(framing::head(length));
                        frames.extend(datagram.iter().take(length));
                    }
                    // Somebody else on this machine.
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The socket is of no further use.
                    Err(_) => return Closed::Gone,
                }
            }
            if frames.is_empty() {
                continue;
            }
            match timeout(STALL, to.write_all(&frames)).await {
                Ok(Ok(())) => frames.clear(),
                Ok(Err(_)) => return Closed::Gone,
                Err(_) => return Closed::Stalled,
            }
        }
    }

    /// Whether this is the thread that answers this client; the first that does is.
    fn is_chosen(&self, from: SocketAddr, chosen: &AtomicUsize) -> bool {
        let Some(thread) = self.threads.iter().position(|thread| *thread == from) else {
            return false;
        };
        let before = chosen.compare_exchange(NOBODY, thread, Ordering::Relaxed, Ordering::Relaxed);
        before.is_ok_and(|_| true) || before == Err(thread)
    }

    /// A socket on this machine that stands for the client.
    async fn socket(&self, remote: IpAddr) -> io::Result<UdpSocket> {
        let is_v6 = self.threads.first().is_some_and(SocketAddr::is_ipv6);
        let address: IpAddr = if is_v6 {
            Ipv6Addr::LOCALHOST.into()
        } else {
            self.stand_in(remote).into()
        };
        UdpSocket::bind((address, 0)).await
    }

    fn stand_in(&self, remote: IpAddr) -> Ipv4Addr {
        let [a, b, c, ..] = self.hash.hash_one(remote).to_be_bytes();
        // No host is .0 or .255 anywhere, and loopback need not be an exception.
        Ipv4Addr::new(127, BRIDGED | (a & 0x3f), b, c.clamp(1, 254))
    }
}

/// A connection in the metric for as long as it is carried, however that ends.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!(names::ICE_TCP_CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(names::ICE_TCP_CONNECTIONS).decrement(1.0);
    }
}

#[cfg(test)]
mod tests;

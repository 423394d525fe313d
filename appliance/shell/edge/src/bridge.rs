//! One connection: its frames to a media thread, the thread's datagrams back.

mod clients;
mod leaving;

use crate::framing::{self, HEAD_BYTES, MAX_DATAGRAM_BYTES};
use crate::stun;
use crate::waiting::Waiting;
use clients::Clients;
use leaving::Leaving;
use socket2::SockRef;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until, timeout};

/// How long a client may take until a media thread has answered it: a stranger pins a connection,
/// a socket and this much time.
const OPENING: Duration = Duration::from_secs(10);

/// A client whose path lives sends within this: ICE consent is asked for every 5 s
/// (RFC 7675 §5.1) and lost after 30.
const SILENCE: Duration = Duration::from_secs(30);

/// What the kernel keeps of what it has sent and the client has not taken yet.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// What the kernel keeps of what it has not sent yet. The rest waits here, where voices overtake
/// pictures and old pictures are shed; in the kernel all would wait in line.
const UNSENT_BYTES: u32 = 8 * 1024;

/// Datagrams read in a turn, so that reading keeps nobody from writing.
const READ_BURST: usize = 64;

/// Read at a time.
const READ_BYTES: usize = 16 * 1024;

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
    clients: Clients,
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
            clients: Clients::default(),
        }
    }

    /// The client that this remote address of a media thread stands for, while it is carried.
    #[must_use]
    pub fn client_of(&self, stand_in: SocketAddr) -> Option<SocketAddr> {
        self.clients.find(stand_in)
    }

    /// Whether a connection that begins with this byte speaks ICE-TCP. The first frame is a STUN
    /// message of less than 1,280 bytes, so its length begins with 0 to 4; TLS begins with 22 and
    /// HTTP with a letter.
    #[must_use]
    pub fn speaks(first: u8) -> bool {
        first < 5
    }

    /// Carries frames between `stream` and the media thread that answers, until either side ends.
    pub async fn carry(&self, mut stream: TcpStream, remote: SocketAddr) -> Closed {
        let Ok(socket) = self.socket(remote.ip()).await else {
            return Closed::NoSocket;
        };
        let stand_in = socket.local_addr().ok();
        let _known = stand_in.map(|stand_in| self.clients.add(stand_in, remote));
        self.carry_over(&mut stream, &socket).await
    }

    async fn carry_over(&self, stream: &mut TcpStream, socket: &UdpSocket) -> Closed {
        // Refused, the kernel's own measures hold.
        let options = SockRef::from(&*stream);
        let _ = options.set_send_buffer_size(SEND_BUFFER_BYTES);
        let _ = options.set_tcp_notsent_lowat(UNSENT_BYTES);
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
        let opened = Instant::now() + OPENING;
        let mut bytes = Vec::with_capacity(READ_BYTES + MAX_DATAGRAM_BYTES + HEAD_BYTES);
        loop {
            let is_open = chosen.load(Ordering::Relaxed) != NOBODY;
            let left = opened.saturating_duration_since(Instant::now());
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
    async fn down(&self, to: WriteHalf<'_>, socket: &UdpSocket, chosen: &AtomicUsize) -> Closed {
        let mut leaving = Leaving::new();
        loop {
            let ready = tokio::select! {
                ready = socket.readable() => ready,
                ready = to.writable(), if !leaving.is_empty() => ready,
                () = sleep_until(leaving.stalled_at), if !leaving.is_empty() => {
                    return Closed::Stalled;
                }
            };
            let moved = ready
                .and_then(|()| self.take(socket, chosen, &mut leaving.waiting))
                .and_then(|()| leaving.write(&to));
            if moved.is_err() {
                return Closed::Gone;
            }
        }
    }

    /// What has arrived for the client.
    fn take(
        &self,
        socket: &UdpSocket,
        chosen: &AtomicUsize,
        waiting: &mut Waiting,
    ) -> io::Result<()> {
        let mut datagram = [0; MAX_DATAGRAM_BYTES];
        for _ in 0..READ_BURST {
            match socket.try_recv_from(&mut datagram) {
                Ok((length, from)) if self.is_chosen(from, chosen) => {
                    let datagram = datagram.get(..length).unwrap_or_default();
                    leaving::count(waiting.push(datagram));
                }
                // Somebody else on this machine.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The socket is of no further use.
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
        vocab::stand_in(self.hash.hash_one(remote))
    }
}

#[cfg(test)]
mod tests;

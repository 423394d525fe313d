//! A WebSocket client that can misbehave: frames are written byte by byte as the test wants them.

use crate::daemon::Daemon;
use auth::{Claims, Grants};
use livekit_protocol::{SignalRequest, SignalResponse, signal_request, signal_response};
use prost::Message as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

/// Opcodes of RFC 6455 §5.2.
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;

/// A token of development mode, for an hour.
pub(crate) fn token(identity: &str, video: Grants) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let claims = Claims {
        sub: identity.to_owned(),
        exp: Some(now + 3_600),
        video,
        ..Claims::default()
    };
    auth::mint(&claims, "devkey", "secret")
}

pub(crate) fn joins(room: &str, identity: &str) -> String {
    let grants = Grants {
        room: room.to_owned(),
        room_join: true,
        ..Grants::default()
    };
    token(identity, grants)
}

pub(crate) struct WebSocket {
    stream: TcpStream,
}

impl WebSocket {
    /// Joins and reads the join's answer.
    pub(crate) fn join(daemon: &Daemon, room: &str, identity: &str) -> Self {
        let mut socket = Self::upgrade(daemon, room, identity);
        let first = socket.until(Some);
        assert!(
            matches!(first, signal_response::Message::Join(_)),
            "{first:?}"
        );
        socket
    }

    fn upgrade(daemon: &Daemon, room: &str, identity: &str) -> Self {
        let mut stream = daemon.connect();
        let token = joins(room, identity);
        write!(
            stream,
            "GET /rtc?auto_subscribe=1&sdk=js&version=2.0.0&protocol=15&access_token={token} \
             HTTP/1.1\r\nHost: box\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        .unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", head.escape_ascii());
        Self { stream }
    }

    /// Writes bytes as they are. An error means that the box has hung up.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes one frame.
    pub(crate) fn frame(&mut self, opcode: u8, last: bool, payload: &[u8]) -> io::Result<()> {
        self.raw(&frame(opcode, last, payload))
    }

    pub(crate) fn request(&mut self, message: signal_request::Message) -> io::Result<()> {
        let request = SignalRequest {
            message: Some(message),
        };
        self.frame(BINARY, true, &request.encode_to_vec())
    }

    /// Fails unless the session answers.
    pub(crate) fn lives(&mut self) {
        self.request(signal_request::Message::Ping(1)).unwrap();
        self.until(|said| matches!(said, signal_response::Message::Pong(_)).then_some(()));
    }

    /// Reads on until `wanted` finds what it looks for.
    pub(crate) fn until<T>(&mut self, wanted: impl Fn(signal_response::Message) -> Option<T>) -> T {
        loop {
            let (opcode, payload) = self.next().expect("the session lives");
            if opcode == BINARY {
                let said = SignalResponse::decode(&*payload).unwrap().message.unwrap();
                if let Some(found) = wanted(said) {
                    return found;
                }
            }
        }
    }

    /// How the connection ends: the close code, or `None` when it is cut.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            let (opcode, payload) = self.next()?;
            if opcode == CLOSE {
                return payload.get(..2).map(|c| u16::from_be_bytes([c[0], c[1]]));
            }
        }
    }

    /// The next frame; `None` at the end of the connection. The box never fragments nor masks.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.read(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.read(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.read(&mut length)?;
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.read(&mut payload)?;
        Some((head[0] & 0x0f, payload))
    }

    /// `None`: the box has hung up. A box that says nothing for 20 s fails the test.
    fn read(&mut self, buffer: &mut [u8]) -> Option<()> {
        match self.stream.read_exact(buffer) {
            Ok(()) => Some(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("the box neither answers nor hangs up")
            }
            Err(_) => None,
        }
    }
}

/// One masked frame (RFC 6455 §5.2); the mask is zero, which leaves the payload readable.
pub(crate) fn frame(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![opcode | if last { 0x80 } else { 0 }];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | short as u8),
        middle @ 126..=0xffff => {
            bytes.push(0x80 | 0x7e);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 0x7f);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

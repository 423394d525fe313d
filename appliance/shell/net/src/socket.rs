//! The UDP sockets: bound, sized, with receive coalescing on.

/// What a reactor asks of its sockets and buffers.
#[derive(Debug, Clone, Copy)]
pub struct SocketOptions {
    /// Kernel send buffer in bytes (`SO_SNDBUF`; the kernel caps it without `CAP_NET_ADMIN`).
    pub send_buffer_bytes: usize,
    /// Kernel receive buffer in bytes (`SO_RCVBUF`; capped likewise).
    pub receive_buffer_bytes: usize,
    /// Receive buffers in the `io_uring` buffer ring, or messages per `recvmmsg`; a power of two.
    pub receive_buffers: u16,
    /// UDP checksums on IPv4. Without them the kernel refuses trains; never off outside tests.
    pub checksums: bool,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            send_buffer_bytes: 8 << 20,
            receive_buffer_bytes: 8 << 20,
            receive_buffers: 256,
            checksums: true,
        }
    }
}

//! Control messages: the segment size of a train, in and out. Plain bytes: no `unsafe` needed.

use super::address::array;

/// Bytes before a control message's data.
const HEADER_BYTES: usize = size_of::<libc::cmsghdr>();

/// One control message with up to eight bytes of data.
pub(crate) const CONTROL_BYTES: usize = HEADER_BYTES + 8;

// 64-bit Linux; musl's 32-bit length with explicit padding has the same layout on little-endian.
const _: () = assert!(HEADER_BYTES == 16 && align_of::<libc::cmsghdr>() <= 8);

/// Room for one control message.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Control([u8; CONTROL_BYTES]);

impl Control {
    pub(crate) const EMPTY: Self = Self([0; CONTROL_BYTES]);

    /// Writes a `UDP_SEGMENT` message: cut the payload every `segment` bytes (udp(7)).
    pub(crate) fn set_segment(&mut self, segment: u16) {
        let bytes = &mut self.0;
        bytes[..8].copy_from_slice(&(HEADER_BYTES + size_of::<u16>()).to_ne_bytes());
        bytes[8..12].copy_from_slice(&libc::SOL_UDP.to_ne_bytes());
        bytes[12..16].copy_from_slice(&libc::UDP_SEGMENT.to_ne_bytes());
        bytes[16..18].copy_from_slice(&segment.to_ne_bytes());
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut libc::c_void {
        self.0.as_mut_ptr().cast()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The length that a received train is to be cut at (`UDP_GRO`); `None` for a single datagram.
pub(crate) fn segment(mut control: &[u8]) -> Option<usize> {
    loop {
        let len = usize::from_ne_bytes(array(control, 0)?);
        let level = i32::from_ne_bytes(array(control, 8)?);
        let kind = i32::from_ne_bytes(array(control, 12)?);
        if level == libc::SOL_UDP && kind == libc::UDP_GRO {
            let segment = i32::from_ne_bytes(array(control, HEADER_BYTES)?);
            return usize::try_from(segment).ok().filter(|segment| *segment > 0);
        }
        control = control.get(len.max(HEADER_BYTES).next_multiple_of(8)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, value: i32) -> Vec<u8> {
        let mut bytes = (HEADER_BYTES + 4).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn the_segment_size_is_found_behind_other_messages() {
        let mut control = message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 3);
        control.extend(message(libc::SOL_UDP, libc::UDP_GRO, 1_200));
        assert_eq!(segment(&control), Some(1_200));
    }

    #[test]
    fn a_single_datagram_has_none() {
        assert_eq!(segment(&[]), None);
        assert_eq!(
            segment(&message(libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 3)),
            None
        );
        assert_eq!(segment(&message(libc::SOL_UDP, libc::UDP_GRO, 0)), None);
        assert_eq!(
            segment(&message(libc::SOL_UDP, libc::UDP_GRO, 1_200)[..18]),
            None
        );
    }
}

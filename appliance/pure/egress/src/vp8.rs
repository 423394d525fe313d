//! The VP8 payload descriptor's running numbers (RFC 7741 §4.2), changed in place.

use media::packet::Vp8Rewrite;

/// A descriptor without the fields, or with a 7-bit picture id, takes what fits it.
pub(crate) fn patch(payload: &mut [u8], rewrite: Vp8Rewrite) {
    let mut at = 0;
    let mut next = || {
        at += 1;
        at - 1
    };
    let byte = |payload: &[u8], at: usize| payload.get(at).copied().unwrap_or_default();
    if byte(payload, next()) & 0x80 == 0 {
        return;
    }
    let fields = byte(payload, next());
    if fields & 0x80 != 0 {
        let first = next();
        let is_long = byte(payload, first) & 0x80 != 0;
        let second = is_long.then(&mut next);
        if let Some(id) = rewrite.picture_id {
            match second {
                Some(second) => {
                    set(payload, first, 0x80 | (id >> 8) as u8);
                    set(payload, second, id as u8);
                }
                None => set(payload, first, id as u8 & 0x7f),
            }
        }
    }
    if fields & 0x40 != 0
        && let Some(index) = rewrite.tl0_pic_idx
    {
        set(payload, next(), index);
    }
}

fn set(payload: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = payload.get_mut(at) {
        *byte = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_takes_what_fits_it() {
        let rewrite = Vp8Rewrite {
            picture_id: Some(0x1234),
            tl0_pic_idx: Some(0x56),
        };
        for (name, before, after) in [
            ("nothing", &[0x10, 1, 2, 3, 4][..], &[0x10, 1, 2, 3, 4][..]),
            (
                "15 bits",
                &[0x90, 0xc0, 0x80, 0, 0, 9],
                &[0x90, 0xc0, 0x92, 0x34, 0x56, 9],
            ),
            (
                "7 bits",
                &[0x90, 0xc0, 0x01, 0, 9],
                &[0x90, 0xc0, 0x34, 0x56, 9],
            ),
            (
                "no index",
                &[0x90, 0xa0, 0x81, 0, 7, 9],
                &[0x90, 0xa0, 0x92, 0x34, 7, 9],
            ),
            ("no id", &[0x90, 0x40, 0, 9], &[0x90, 0x40, 0x56, 9]),
            ("cut off", &[0x90, 0xc0, 0x80], &[0x90, 0xc0, 0x92]),
        ] {
            let mut payload = before.to_vec();
            patch(&mut payload, rewrite);
            assert_eq!(payload, after, "{name}");
        }
    }
}

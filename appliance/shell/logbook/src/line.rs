//! One record as one line: CRC-32C in hexadecimal, a space, JSON. A line that was torn by a crash
//! or damaged on the disk is skipped; the next one begins after the next newline.

use attempt::Record;

/// Longest line read, in bytes: a record at all its limits has some 10 KiB.
pub(crate) const MAX_LINE_BYTES: usize = 32 * 1024;

/// Hexadecimal digits of the sum, and the space.
const HEAD_BYTES: usize = 9;

/// `None`: the record does not fit, which its own limits rule out.
pub(crate) fn write(record: &Record) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(record).ok()?;
    let mut line = format!("{:08x} ", crc32c::crc32c(&body)).into_bytes();
    line.extend(body);
    line.push(b'\n');
    (line.len() <= MAX_LINE_BYTES).then_some(line)
}

/// `None`: torn or damaged, or of a version that knows what this one does not.
pub(crate) fn read(line: &[u8]) -> Option<Record> {
    if line.len() > MAX_LINE_BYTES {
        return None;
    }
    let (head, body) = line.split_at_checked(HEAD_BYTES)?;
    let (digits, space) = head.split_at_checked(HEAD_BYTES - 1)?;
    let sum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    if space != b" " || crc32c::crc32c(body) != sum {
        return None;
    }
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use attempt::Door;
    use vocab::UnixMillis;

    #[test]
    fn every_torn_or_damaged_line_is_noticed() {
        let mut record = Record::new("CA_1".to_owned(), Door::Rtc, UnixMillis(7));
        record.set_bearer("pat", "ward\n\u{1b}", true);
        let line = write(&record).unwrap();
        let (end, body) = line.split_last().unwrap();
        assert_eq!(*end, b'\n');
        assert!(!body.contains(&b'\n'), "no text makes two lines of one");
        assert_eq!(read(body), Some(record));
        for cut in 0..body.len() {
            assert_eq!(read(&body[..cut]), None, "cut at {cut}");
            let mut damaged = body.to_vec();
            damaged[cut] ^= 1;
            assert_eq!(read(&damaged), None, "damaged at {cut}");
        }
    }
}

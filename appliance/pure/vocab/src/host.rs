//! What a box is called on the network.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Longest DNS name (RFC 1035 §2.3.4), in its written form.
const MAX_DNS_BYTES: usize = 253;

/// Longest label of one (RFC 1035 §2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// What clients type: a DNS name or an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostName {
    /// `ringward.hospital.example`, in lower case.
    Dns(String),
    /// `192.168.1.20`
    Ip(IpAddr),
}

/// A text that is no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongHostName(pub String);

impl fmt::Display for WrongHostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let example = "write \"ringward.hospital.example\" or \"192.168.1.20\"";
        write!(f, "{:?} is no name of a server: {example}", self.0)
    }
}

impl std::error::Error for WrongHostName {}

impl FromStr for HostName {
    type Err = WrongHostName;

    fn from_str(text: &str) -> Result<Self, WrongHostName> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let fits = (1..=MAX_DNS_BYTES).contains(&text.len()) && text.split('.').all(is_label);
        if fits {
            return Ok(Self::Dns(text.to_ascii_lowercase()));
        }
        Err(WrongHostName(text.to_owned()))
    }
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.pad(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_dns_name_or_an_address() {
        for (text, want) in [
            ("Box.Hospital.example", Some("box.hospital.example")),
            ("box", Some("box")),
            ("192.168.1.20", Some("192.168.1.20")),
            ("fd00::1", Some("fd00::1")),
            ("", None),
            ("two words", None),
            ("a..b", None),
            ("-a.b", None),
            ("https://box", None),
            ("b\u{202e}ox", None),
        ] {
            let name = text.parse::<HostName>().ok().map(|name| name.to_string());
            assert_eq!(name.as_deref(), want, "{text:?}");
        }
    }
}

//! What the internal CA may sign for (RFC 5280 §4.2.1.10).
//!
//! Hospital IT rolls its certificate out to every machine, which then believes whatever it signed.
//! So its certificate says itself what that may be, and clients hold it to that.

use crate::facts::address;
use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use std::net::IpAddr;
use vocab::HostName;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Networks that are nobody's on the internet: a box that moves inside the hospital keeps its CA.
const PRIVATE: [([u8; 4], u8); 6] = [
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
];

/// As above: unique local, link-local, loopback.
const PRIVATE_V6: [(u16, u8); 2] = [(0xfc00, 7), (0xfe80, 10)];

/// The names of the box and the private networks.
pub(super) fn constraints(names: &[HostName]) -> NameConstraints {
    let mut permitted: Vec<GeneralSubtree> = PRIVATE
        .iter()
        .map(|(network, prefix)| CidrSubnet::from_v4_prefix(*network, *prefix))
        .chain(PRIVATE_V6.iter().map(|(first, prefix)| {
            let network = u128::from(*first) << 112;
            CidrSubnet::from_v6_prefix(network.to_be_bytes(), *prefix)
        }))
        .chain([CidrSubnet::from_v6_prefix(1_u128.to_be_bytes(), 128)])
        .map(GeneralSubtree::IpAddress)
        .collect();
    permitted.push(GeneralSubtree::DnsName("localhost".to_owned()));
    permitted.extend(names.iter().map(|name| match name {
        HostName::Dns(name) => GeneralSubtree::DnsName(name.clone()),
        HostName::Ip(address) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*address, whole))
        }
    }));
    NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: Vec::new(),
    }
}

/// Whether the certificate's limits let it sign for `name`.
pub(super) fn permits(der: &[u8], name: &HostName) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return false;
    };
    let Ok(Some(limits)) = certificate.name_constraints() else {
        return false;
    };
    let permitted = limits
        .value
        .permitted_subtrees
        .as_deref()
        .unwrap_or_default();
    permitted.iter().any(|subtree| match (&subtree.base, name) {
        (GeneralName::DNSName(base), HostName::Dns(name)) => is_under(name, base),
        (GeneralName::IPAddress(network), HostName::Ip(address)) => is_in(*address, network),
        _ => false,
    })
}

/// Whether the certificate is the one of this public key.
pub(super) fn belongs(der: &[u8], public_key: &[u8]) -> bool {
    X509Certificate::from_der(der)
        .is_ok_and(|(_, cert)| cert.public_key().subject_public_key.data.as_ref() == public_key)
}

fn is_under(name: &str, base: &str) -> bool {
    let Some(rest) = name.strip_suffix(base) else {
        return false;
    };
    rest.is_empty() || rest.ends_with('.')
}

/// `network` is an address followed by its mask.
fn is_in(name: IpAddr, network: &[u8]) -> bool {
    let (base, mask) = network.split_at(network.len() / 2);
    let (Some(base), Some(mask)) = (address(base), address(mask)) else {
        return false;
    };
    match (name, base, mask) {
        (IpAddr::V4(name), IpAddr::V4(base), IpAddr::V4(mask)) => name & mask == base & mask,
        (IpAddr::V6(name), IpAddr::V6(base), IpAddr::V6(mask)) => name & mask == base & mask,
        _ => false,
    }
}

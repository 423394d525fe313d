//! The PEM form of keys and certificates (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Characters in a line (RFC 7468 §2).
const LINE: usize = 64;

/// Most certificates that are read from a file: a chain has two to four.
pub(crate) const MAX_CHAIN: usize = 10;

/// A block with its label.
pub(crate) fn write(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut block = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        block.push_str(line);
        block.push('\n');
        rest = after;
    }
    block.push_str("-----END ");
    block.push_str(label);
    block.push_str("-----\n");
    block
}

/// The certificates of a file, in its order; those that are no PEM are not there.
pub(crate) fn certificates(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(bytes)
        .map_while(Result::ok)
        .take(MAX_CHAIN)
        .collect()
}

/// The first private key of a file.
pub(crate) fn private_key(bytes: &[u8]) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(bytes).ok()
}

/// Whether a file holds a key that wants a passphrase.
pub(crate) fn is_encrypted(bytes: &[u8]) -> bool {
    let holds = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    holds(b"BEGIN ENCRYPTED PRIVATE KEY") || holds(b"Proc-Type: 4,ENCRYPTED")
}

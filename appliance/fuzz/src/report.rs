//! What a client reports, sealed and in the clear.

use egress::{KeyingMaterial, Profile, Sender, count_rtcp_blocks};
use std::time::Instant;

/// Most blocks that a byte of a compound can make.
const MAX_BLOCKS_PER_BYTE: usize = 1;

/// A compound RTCP packet.
pub fn rtcp(bytes: &[u8]) {
    let blocks = count_rtcp_blocks(bytes);
    assert!(blocks <= bytes.len() * MAX_BLOCKS_PER_BYTE);
}

/// A datagram of a client whose keys are known; nothing that they have not sealed is believed.
pub fn srtcp(bytes: &[u8]) {
    let now = Instant::now();
    for profile in [
        Profile::AeadAes256Gcm,
        Profile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80,
    ] {
        let mut sender = Sender::new(1, now);
        let material = vec![0x5a; profile.material_len()];
        let keys = KeyingMaterial {
            profile,
            material: &material,
            is_client: false,
        };
        if sender.set_keys(&keys).is_ok() {
            let heard = sender.handle_rtcp(bytes, now);
            assert!(heard.is_err(), "a forged report is believed");
        }
    }
}

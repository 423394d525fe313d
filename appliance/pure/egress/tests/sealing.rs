//! What is sealed opens with str0m's ciphers, by RFC 3711 and RFC 7714 written a second time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use media::packet::Extensions;
use media::{Codec, Kind, Mid, Outgoing};
use ringward_egress::{
    ExtensionIds, KeyingMaterial, PayloadType, Profile, Sender, Slots, StreamConfig,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::crypto::{CryptoProvider, from_feature_flags};

const SSRC: u32 = 0x8bad_f00d;
/// RTP's fixed header; no extension is negotiated.
const HEADER: usize = 12;
/// More than a rollover of the sequence number.
const PACKETS: u64 = 66_000;

/// The last datagram.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Slots for Wire {
    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        self.0 = vec![0; len];
        Some(&mut self.0)
    }
}

/// A receiver with session keys.
struct Receiver {
    crypto: CryptoProvider,
    profile: Profile,
    key: Vec<u8>,
    auth: Vec<u8>,
    salt: Vec<u8>,
}

impl Receiver {
    fn new(profile: Profile, master: &[u8], salt: &[u8]) -> Self {
        let crypto = from_feature_flags();
        // RFC 3711 §4.3: blocks of the key stream under the master key.
        let derive = |label: u8, len: usize| -> Vec<u8> {
            let mut input = [0; 16];
            input[..salt.len()].copy_from_slice(salt);
            input[7] ^= label;
            let blocks = (0..=1_u8).flat_map(|block| {
                input[15] = block;
                // The library pads to a second block.
                let mut output = [0; 32];
                let srtp = crypto.srtp_provider;
                if master.len() == 32 {
                    srtp.srtp_aes_256_ecb_round(master, &input, &mut output);
                } else {
                    srtp.srtp_aes_128_ecb_round(master, &input, &mut output);
                }
                output.into_iter().take(16)
            });
            blocks.take(len).collect()
        };
        let (key, auth) = (derive(0, master.len()), derive(1, 20));
        let salt = derive(2, profile.salt_len());
        Self {
            crypto,
            profile,
            key,
            auth,
            salt,
        }
    }

    /// The payload of the packet with this index, if it is authentic.
    fn open(&self, packet: &[u8], index: u64) -> Option<Vec<u8>> {
        let end = packet.len() - self.profile.tag_len();
        let srtp = self.crypto.srtp_provider;
        let (header, sealed) = packet.split_at(HEADER);
        let mut payload = vec![0; end - HEADER];
        // SSRC and index stand in front of what counts blocks, which GCM does itself.
        let mut position = u128::from(SSRC) << 48 | u128::from(index);
        let mut iv = [0; 16];
        iv[..self.salt.len()].copy_from_slice(&self.salt);
        if self.profile == Profile::Aes128CmSha1_80 {
            position <<= 16;
        } else {
            position <<= 32;
        }
        let iv = (u128::from_be_bytes(iv) ^ position).to_be_bytes();
        let nonce = iv[..12].try_into().unwrap();
        match self.profile {
            Profile::AeadAes256Gcm => srtp
                .aead_aes_256_gcm()
                .create_cipher(self.key[..].try_into().unwrap(), false)
                .decrypt(nonce, &[header], sealed, &mut payload)
                .ok()?,
            Profile::AeadAes128Gcm => srtp
                .aead_aes_128_gcm()
                .create_cipher(self.key[..].try_into().unwrap(), false)
                .decrypt(nonce, &[header], sealed, &mut payload)
                .ok()?,
            Profile::Aes128CmSha1_80 => {
                let rollovers = ((index >> 16) as u32).to_be_bytes();
                let hmac = self.crypto.sha1_hmac_provider;
                let tag = hmac.sha1_hmac(&self.auth, &[&packet[..end], &rollovers]);
                if tag[..10] != packet[end..] {
                    return None;
                }
                srtp.aes_128_cm_sha1_80()
                    .create_cipher(self.key[..].try_into().unwrap(), false)
                    .decrypt(&iv, &packet[HEADER..end], &mut payload)
                    .ok()?;
                payload.len()
            }
        };
        Some(payload)
    }
}

fn audio() -> StreamConfig {
    StreamConfig {
        mid: Mid::new("0").unwrap(),
        kind: Kind::Audio,
        ssrc: SSRC,
        rtx: None,
        cname: "box".to_owned(),
        sending: true,
        payload_types: vec![PayloadType {
            codec: Codec::Opus,
            pt: 111,
            rtx: None,
        }],
        extensions: ExtensionIds::default(),
        allows_mixed_forms: false,
    }
}

#[test]
fn what_is_sealed_opens_with_str0ms_ciphers_beyond_a_rollover() {
    for profile in [
        Profile::AeadAes256Gcm,
        Profile::AeadAes128Gcm,
        Profile::Aes128CmSha1_80,
    ] {
        let material: Vec<u8> = (0..profile.material_len() as u8)
            .map(|at| at ^ 0xa5)
            .collect();
        let (keys, salts) = material.split_at(2 * profile.key_len());
        let receiver = Receiver::new(
            profile,
            &keys[profile.key_len()..],
            &salts[profile.salt_len()..],
        );
        let mut now = Instant::now();
        let mut sender = Sender::new(5, now);
        sender.set_streams(&[audio()]);
        let server = KeyingMaterial {
            profile,
            material: &material,
            is_client: false,
        };
        sender.set_keys(&server).unwrap();
        let extensions = Extensions::default();
        let mut index = None;
        for sequence in 1..=PACKETS {
            now += Duration::from_millis(1);
            let len = 1 + sequence as usize % 90;
            let payload: Arc<[u8]> = (0..len).map(|at| (at as u64 ^ sequence) as u8).collect();
            let packet = Outgoing {
                mid: Mid::new("0").unwrap(),
                sequence,
                timestamp: sequence as u32,
                marker: false,
                starts_keyframe: false,
                codec: Codec::Opus,
                payload: &payload,
                vp8: None,
                extensions: &extensions,
                arrival: now,
            };
            sender.write(&packet, now).unwrap();
            let mut wire = Wire::default();
            sender.transmit(&mut wire, now);
            let number = u16::from_be_bytes([wire.0[2], wire.0[3]]);
            let next = index.map_or(u64::from(number), |index: u64| index + 1);
            assert_eq!(next as u16, number, "{profile:?}: no number is left out");
            index = Some(next);
            let opened = receiver.open(&wire.0, next);
            assert_eq!(opened.as_deref(), Some(&payload[..]), "{profile:?} {next}");
        }
        assert!(index > Some(1 << 16), "{profile:?}: the number rolled over");
    }
}

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use super::*;
use crate::refusal::RtcpRefusal;
use crate::srtcp::Opener;
use proptest::prelude::*;

pub(crate) const PROFILES: [Profile; 3] = [
    Profile::AeadAes256Gcm,
    Profile::AeadAes128Gcm,
    Profile::Aes128CmSha1_80,
];

/// Opens what [`Cipher::seal_rtp`] sealed: header and payload, padding included.
pub(crate) fn open_rtp(
    cipher: &Cipher,
    packet: &[u8],
    header: usize,
    (ssrc, index): (u32, u64),
) -> Option<Vec<u8>> {
    let mut packet = packet.to_vec();
    let end = packet.len().checked_sub(cipher.tag_len())?;
    match &cipher.kind {
        CipherKind::Gcm { key, salt } => {
            let nonce = Nonce::assume_unique_for_key(gcm_iv(salt, ssrc, index));
            let (header, body) = packet.split_at_mut(header);
            key.open_in_place(nonce, Aad::from(&*header), body).ok()?;
        }
        CipherKind::Cm { key, salt, auth } => {
            let mut covered = packet[..end].to_vec();
            covered.extend(((index >> 16) as u32).to_be_bytes());
            if hmac::sign(auth, &covered).as_ref()[..10] != packet[end..] {
                return None;
            }
            apply(key, counter_iv(salt, ssrc, index), &mut packet[header..end]).ok()?;
        }
    }
    packet.truncate(end);
    Some(packet)
}

/// Master key and salt of one direction, as bytes.
pub(crate) fn cipher(profile: Profile, key: &[u8], salt: &[u8], direction: Direction) -> Cipher {
    Cipher::new(profile, &Master { key, salt }, direction).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    let (key, salt) = (
        hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        hex("0EC675AD498AFEEBB6960B3AABE6"),
    );
    let master = Master {
        key: &key,
        salt: &salt,
    };
    for (label, want) in [
        (0, "C61E7A93744F39EE10734AFE3FF7A087"),
        (2, "30CBBC08863D8C85D49DB34A9AE1"),
        (1, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"),
    ] {
        let want = hex(want);
        let mut derived = vec![0; want.len()];
        derive(&master, label, &mut derived).unwrap();
        assert_eq!(derived, want, "label {label}");
    }
}

#[test]
fn longer_session_keys_are_those_of_rfc_6188_7_4() {
    let key = hex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6");
    let salt = hex("3b04803de51ee7c96423ab5b78d2");
    let mut derived = [0; 32];
    derive(
        &Master {
            key: &key,
            salt: &salt,
        },
        0,
        &mut derived,
    )
    .unwrap();
    let want = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4";
    assert_eq!(derived.to_vec(), hex(want));
}

#[test]
fn the_key_stream_is_that_of_rfc_3711_b_2() {
    let key = counter_mode(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
    let salt: [u8; 14] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let mut stream = [0; 48];
    apply(&key, counter_iv(&salt, 0, 0), &mut stream).unwrap();
    let want = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
        41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream.to_vec(), hex(want));
}

/// RFC 7714 gives session keys.
fn gcm(key: &str) -> Cipher {
    let algorithm = if key.len() == 64 {
        &AES_256_GCM
    } else {
        &AES_128_GCM
    };
    Cipher {
        kind: CipherKind::Gcm {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &hex(key)).unwrap()),
            salt: hex("517569642070726f2071756f").try_into().unwrap(),
        },
        log: std::cell::RefCell::default(),
    }
}

const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn rtp_is_sealed_as_in_rfc_7714_16() {
    let header = hex("8040f17b8041f8d35501a0b2");
    let payload =
        hex("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    for (key, want) in [
        (
            KEY_128,
            "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833
             899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            KEY_256,
            "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let mut slot = header.clone();
        slot.resize(12 + payload.len() + 16, 0xff);
        gcm(key)
            .seal_rtp(&mut slot, 12, &payload, 0, (0x5501_a0b2, 0xf17b))
            .unwrap();
        assert_eq!(slot[..12], header);
        assert_eq!(slot[12..].to_vec(), hex(want));
    }
}

#[test]
fn rtcp_is_sealed_as_in_rfc_7714_17() {
    let compound = hex(
        "81c8000d4d6172734e5450314e5450325254502000 00042a0000e9304c756e61deadbeefdeadbeef
         deadbeefdeadbeefdeadbeef",
    );
    let want = hex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda
         4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    );
    let mut slot = compound.clone();
    slot.resize(compound.len() + 20, 0xff);
    gcm(KEY_128)
        .seal_rtcp(&mut slot, (0x4d61_7273, 0x5d4))
        .unwrap();
    assert_eq!(slot, want);
    let end = gcm(KEY_128).open_rtcp(&mut slot, (0x4d61_7273, 0x5d4));
    assert_eq!(end, Some(compound.len()));
    assert_eq!(slot[..compound.len()], compound);
}

/// The reference packets of libsrtp's test driver, from master keys.
#[test]
fn packets_are_those_of_libsrtp() {
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    for (profile, key, salt, want) in [
        (
            Profile::Aes128CmSha1_80,
            "e1f97a0d3e018be0d64fa32c06de4139",
            "0ec675ad498afeebb6960b3aabe6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            Profile::AeadAes128Gcm,
            KEY_128,
            "a0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201
             df3131a127e8a392",
        ),
    ] {
        let cipher = cipher(profile, &hex(key), &hex(salt), Direction::Rtp);
        let mut slot = plain[..12].to_vec();
        slot.resize(plain.len() + profile.tag_len(), 0);
        cipher
            .seal_rtp(&mut slot, 12, &plain[12..], 0, (0xcafe_babe, 0x1234))
            .unwrap();
        assert_eq!(slot, hex(want), "{profile:?}");
    }
    let compound = hex("81c8000bcafebabe abababababababababababababababab");
    let want = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798";
    let key = hex("e1f97a0d3e018be0d64fa32c06de4139");
    let salt = hex("0ec675ad498afeebb6960b3aabe6");
    let rtcp = cipher(Profile::Aes128CmSha1_80, &key, &salt, Direction::Rtcp);
    let mut slot = compound.clone();
    slot.resize(compound.len() + 14, 0);
    rtcp.seal_rtcp(&mut slot, (0xcafe_babe, 1)).unwrap();
    assert_eq!(slot, hex(want));
}

fn rtcp(profile: Profile) -> Cipher {
    let key = vec![7; profile.key_len()];
    cipher(profile, &key, &vec![9; profile.salt_len()], Direction::Rtcp)
}

fn sealed(profile: Profile, index: u32) -> Vec<u8> {
    let mut slot = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
    slot.resize(8 + rtcp(profile).rtcp_overhead(), 0);
    rtcp(profile).seal_rtcp(&mut slot, (5, index)).unwrap();
    slot
}

#[test]
fn an_authentic_report_is_taken_once() {
    for profile in PROFILES {
        let mut opener = Opener::new(rtcp(profile));
        assert_eq!(
            opener.open(&sealed(profile, 100)),
            Ok(&[0x80, 201, 0, 1, 0, 0, 0, 5][..])
        );
        assert_eq!(
            opener.open(&sealed(profile, 100)),
            Err(RtcpRefusal::Replayed)
        );
        assert!(opener.open(&sealed(profile, 50)).is_ok(), "late");
        assert_eq!(
            opener.open(&sealed(profile, 50)),
            Err(RtcpRefusal::Replayed)
        );
        assert!(opener.open(&sealed(profile, 300)).is_ok());
        assert_eq!(
            opener.open(&sealed(profile, 200)),
            Err(RtcpRefusal::Replayed),
            "too late"
        );
        let good = sealed(profile, 301);
        for at in 0..good.len() {
            let mut forged = good.clone();
            forged[at] ^= 1;
            assert!(opener.open(&forged).is_err(), "{profile:?} byte {at}");
        }
        assert!(opener.open(&good).is_ok(), "forgeries change no window");
        assert_eq!(opener.open(&good[..10]), Err(RtcpRefusal::Length));
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens_and_both_ways_are_one(
        payload in proptest::collection::vec(any::<u8>(), 0..1_300),
        padding in 0_usize..=255,
        ssrc: u32,
        index in 0_u64..1 << 48,
    ) {
        for profile in PROFILES {
            let key = vec![3; profile.key_len()];
            let cipher = cipher(profile, &key, &vec![4; profile.salt_len()], Direction::Rtp);
            let mut slot = vec![0x80; 20];
            slot.resize(20 + payload.len() + padding + profile.tag_len(), 0xff);
            let mut other = slot.clone();
            cipher.seal_rtp(&mut slot, 20, &payload, padding, (ssrc, index)).unwrap();
            let end = 20 + payload.len();
            other[20..end].copy_from_slice(&payload);
            write_padding(&mut other[end..end + padding]);
            cipher.seal_rtp_in_place(&mut other, 20, (ssrc, index)).unwrap();
            prop_assert_eq!(&slot, &other);
            let plain = open_rtp(&cipher, &slot, 20, (ssrc, index)).unwrap();
            prop_assert_eq!(&plain[20..end], &payload[..]);
            prop_assert!(padding == 0 || plain.last() == Some(&(padding as u8)));
        }
    }
}

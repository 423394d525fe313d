//! SRTP as a lean subscriber needs it: opens some media packets, opens and seals all RTCP.

use crate::keying::Keying;
use str0m::crypto::dtls::SrtpProfile;
use str0m::crypto::{
    AeadAes128Gcm, AeadAes128GcmCipher, AeadAes256Gcm, AeadAes256GcmCipher, Aes128CmSha1_80,
    Aes128CmSha1_80Cipher, CryptoProvider, Sha1HmacProvider, SrtpProvider,
};

/// Key derivation labels (RFC 3711 §4.3.2): cipher key, authentication key, salt.
const RTP_LABELS: [u8; 3] = [0, 1, 2];
/// The same for RTCP.
const RTCP_LABELS: [u8; 3] = [3, 4, 5];

/// The RTCP header and sender SSRC stay in the clear (RFC 3711 §3.4).
const RTCP_CLEAR: usize = 8;

/// The SRTCP index with its encryption flag (RFC 3711 §3.4).
const INDEX_BYTES: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// What the counter-mode cipher writes beyond its input at most: one block.
const CIPHER_SLACK: usize = 16;

/// One connection's ciphers.
pub struct Srtp {
    media_in: Direction,
    control_in: Direction,
    control_out: Direction,
    control_index: u32,
    profile: SrtpProfile,
}

impl Srtp {
    /// Derives all session keys; `None` for a profile that is not ours.
    pub fn new(keying: &Keying, crypto: &CryptoProvider) -> Option<Self> {
        let key_bytes = match keying.profile {
            SrtpProfile::AEAD_AES_256_GCM => 32,
            SrtpProfile::AEAD_AES_128_GCM | SrtpProfile::AES128_CM_SHA1_80 => 16,
            _ => return None,
        };
        let salt_bytes = keying.material.len().checked_sub(2 * key_bytes)? / 2;
        let master = |second: bool| {
            let (keys, salts) = keying.material.split_at(2 * key_bytes);
            let at = usize::from(second);
            let key = &keys[at * key_bytes..][..key_bytes];
            (key, &salts[at * salt_bytes..][..salt_bytes])
        };
        // The client's keys come first (RFC 5764 §4.2).
        let (own, theirs) = (master(!keying.active), master(keying.active));
        let direction = |master, labels| Direction::new(keying.profile, master, labels, crypto);
        Some(Self {
            media_in: direction(theirs, RTP_LABELS)?,
            control_in: direction(theirs, RTCP_LABELS)?,
            control_out: direction(own, RTCP_LABELS)?,
            control_index: 0,
            profile: keying.profile,
        })
    }

    /// Which profile this connection landed on.
    pub fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Decrypts a media packet with this 48-bit index; the payload, padding included.
    pub fn open_rtp<'a>(
        &mut self,
        packet: &[u8],
        header: usize,
        (ssrc, index): (u32, u64),
        output: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let (roc, sequence) = ((index >> 16) as u32, index as u16);
        let (clear, sealed) = packet.split_at_checked(header)?;
        match &mut self.media_in {
            Direction::Cm(cm) => {
                let end = packet.len().checked_sub(Aes128CmSha1_80::HMAC_TAG_LEN)?;
                let (body, tag) = packet.split_at(end);
                let hmac = |key: &[u8], parts: &[&[u8]]| cm.hmac.sha1_hmac(key, parts);
                if !Aes128CmSha1_80::rtp_verify(hmac, &cm.authentication, body, index, tag) {
                    return None;
                }
                let iv = Aes128CmSha1_80::rtp_iv(cm.salt, ssrc, index);
                cm.open(&iv, body.get(header..)?, output)
            }
            Direction::Gcm(gcm) => {
                let iv = AeadAes256Gcm::rtp_iv(gcm.salt, ssrc, roc, sequence);
                gcm.open(&iv, clear, sealed, output)
            }
        }
    }

    /// Decrypts an RTCP packet: its clear eight bytes are not repeated.
    pub fn open_rtcp<'a>(&mut self, packet: &[u8], output: &'a mut Vec<u8>) -> Option<&'a [u8]> {
        let ssrc = u32::from_be_bytes(*packet.get(4..)?.first_chunk()?);
        match &mut self.control_in {
            Direction::Cm(cm) => {
                let end = packet.len().checked_sub(Aes128CmSha1_80::HMAC_TAG_LEN)?;
                let (body, tag) = packet.split_at(end);
                let hmac = |key: &[u8], parts: &[&[u8]]| cm.hmac.sha1_hmac(key, parts);
                if !Aes128CmSha1_80::rtcp_verify(hmac, &cm.authentication, body, tag) {
                    return None;
                }
                let (body, index) = body.split_last_chunk::<INDEX_BYTES>()?;
                let index = u32::from_be_bytes(*index) & !ENCRYPTED;
                let iv = Aes128CmSha1_80::rtp_iv(cm.salt, ssrc, index.into());
                cm.open(&iv, body.get(RTCP_CLEAR..)?, output)
            }
            Direction::Gcm(gcm) => {
                let (body, flagged) = packet.split_last_chunk::<INDEX_BYTES>()?;
                let index = u32::from_be_bytes(*flagged) & !ENCRYPTED;
                let iv = AeadAes256Gcm::rtcp_iv(gcm.salt, ssrc, index);
                let aad = [body.get(..RTCP_CLEAR)?, flagged].concat();
                gcm.open(&iv, &aad, body.get(RTCP_CLEAR..)?, output)
            }
        }
    }

    /// Encrypts a compound RTCP packet of this connection's only sender of reports.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let (clear, body) = packet.split_at_checked(RTCP_CLEAR)?;
        let ssrc = u32::from_be_bytes(*clear.last_chunk()?);
        let index = self.control_index;
        self.control_index += 1;
        let flagged = (index | ENCRYPTED).to_be_bytes();
        let mut sealed = clear.to_vec();
        match &mut self.control_out {
            Direction::Cm(cm) => {
                let iv = Aes128CmSha1_80::rtp_iv(cm.salt, ssrc, index.into());
                sealed.resize(packet.len() + CIPHER_SLACK, 0);
                let output = sealed.get_mut(RTCP_CLEAR..)?;
                cm.cipher.encrypt(&iv, body, output).ok()?;
                sealed.truncate(packet.len());
                sealed.extend_from_slice(&flagged);
                let end = sealed.len();
                sealed.resize(end + Aes128CmSha1_80::HMAC_TAG_LEN, 0);
                let hmac = |key: &[u8], parts: &[&[u8]]| cm.hmac.sha1_hmac(key, parts);
                Aes128CmSha1_80::rtcp_hmac(hmac, &cm.authentication, &mut sealed, end);
            }
            Direction::Gcm(gcm) => {
                let iv = AeadAes256Gcm::rtcp_iv(gcm.salt, ssrc, index);
                let aad = [clear, &flagged].concat();
                sealed.resize(packet.len() + AeadAes256Gcm::TAG_LEN, 0);
                gcm.seal(&iv, &aad, body, sealed.get_mut(RTCP_CLEAR..)?)?;
                sealed.extend_from_slice(&flagged);
            }
        }
        Some(sealed)
    }
}

/// Ciphers of one direction of RTP or RTCP.
enum Direction {
    Cm(Cm),
    Gcm(Gcm),
}

struct Cm {
    cipher: Box<dyn Aes128CmSha1_80Cipher>,
    hmac: &'static dyn Sha1HmacProvider,
    authentication: [u8; 20],
    salt: [u8; 14],
}

struct Gcm {
    cipher: GcmCipher,
    salt: [u8; 12],
}

enum GcmCipher {
    Short(Box<dyn AeadAes128GcmCipher>),
    Long(Box<dyn AeadAes256GcmCipher>),
}

impl Direction {
    fn new(
        profile: SrtpProfile,
        master: (&[u8], &[u8]),
        [key, authentication, salt]: [u8; 3],
        crypto: &CryptoProvider,
    ) -> Option<Self> {
        let ciphers = crypto.srtp_provider;
        let gcm = |cipher| {
            let salt = derive(ciphers, master, salt);
            Self::Gcm(Gcm { cipher, salt })
        };
        Some(match profile {
            SrtpProfile::AES128_CM_SHA1_80 => Self::Cm(Cm {
                cipher: ciphers
                    .aes_128_cm_sha1_80()
                    .create_cipher(derive(ciphers, master, key), true),
                hmac: crypto.sha1_hmac_provider,
                authentication: derive(ciphers, master, authentication),
                salt: derive(ciphers, master, salt),
            }),
            SrtpProfile::AEAD_AES_128_GCM => gcm(GcmCipher::Short(
                ciphers
                    .aead_aes_128_gcm()
                    .create_cipher(derive(ciphers, master, key), true),
            )),
            SrtpProfile::AEAD_AES_256_GCM => gcm(GcmCipher::Long(
                ciphers
                    .aead_aes_256_gcm()
                    .create_cipher(derive(ciphers, master, key), true),
            )),
            _ => return None,
        })
    }
}

impl Cm {
    fn open<'a>(
        &mut self,
        iv: &[u8; 16],
        input: &[u8],
        output: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        output.resize(input.len() + CIPHER_SLACK, 0);
        self.cipher.decrypt(iv, input, output).ok()?;
        output.get(..input.len())
    }
}

impl Gcm {
    fn open<'a>(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        // Both GCM profiles have tags of 16 bytes (RFC 7714 §14.2).
        output.resize(input.len().checked_sub(AeadAes128Gcm::TAG_LEN)?, 0);
        let opened = match &mut self.cipher {
            GcmCipher::Short(cipher) => cipher.decrypt(iv, &[aad], input, output),
            GcmCipher::Long(cipher) => cipher.decrypt(iv, &[aad], input, output),
        };
        opened.ok()?;
        Some(output)
    }

    fn seal(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Option<()> {
        match &mut self.cipher {
            GcmCipher::Short(cipher) => cipher.encrypt(iv, aad, input, output),
            GcmCipher::Long(cipher) => cipher.encrypt(iv, aad, input, output),
        }
        .ok()
    }
}

/// A session key: AES in counter mode over the salt with the label (RFC 3711 §4.3.3, RFC 6188).
fn derive<const N: usize>(
    ciphers: &dyn SrtpProvider,
    (key, salt): (&[u8], &[u8]),
    label: u8,
) -> [u8; N] {
    let mut derived = [0; N];
    for (round, part) in derived.chunks_mut(16).enumerate() {
        let mut input = [0; 16];
        for (place, byte) in input.iter_mut().zip(salt) {
            *place = *byte;
        }
        input[7] ^= label;
        input[15] = round as u8;
        // The library writes a block of padding behind the one that counts.
        let mut block = [0; 32];
        if key.len() == 16 {
            ciphers.srtp_aes_128_ecb_round(key, &input, &mut block);
        } else {
            ciphers.srtp_aes_256_ecb_round(key, &input, &mut block);
        }
        part.copy_from_slice(&block[..part.len()]);
    }
    derived
}

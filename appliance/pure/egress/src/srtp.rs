//! Sealing: RFC 3711 with AES-CM and HMAC-SHA1-80, RFC 7714 with AES-GCM.

use crate::keying::{Master, Profile};
use crate::refusal::KeyRefusal;
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

/// Largest tag in bytes.
pub(crate) const MAX_TAG: usize = 16;
/// Most padding of one packet in bytes: its count is the last of them (RFC 3550 §5.1).
pub(crate) const MAX_PADDING: usize = 255;
/// Bytes of the SRTCP index with its E flag (RFC 3711 §3.4).
pub(crate) const RTCP_INDEX_LEN: usize = 4;
/// The E flag: the packet is encrypted.
pub(crate) const RTCP_ENCRYPTED: u32 = 1 << 31;
/// RTCP's fixed header and sender SSRC stay in the clear (RFC 3711 §3.4).
pub(crate) const RTCP_CLEAR_LEN: usize = 8;

/// RFC 3711 §4.3.1: what a session key is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction {
    Rtp,
    Rtcp,
}

/// The library refused; the slot holds nothing to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsealed;

/// One direction's session keys and what they seal with.
pub(crate) struct Cipher {
    kind: CipherKind,
    /// Every nonce, in order: a test asserts that none comes twice.
    #[cfg(test)]
    pub(crate) log: std::cell::RefCell<Vec<[u8; 16]>>,
}

#[expect(clippy::large_enum_variant, reason = "two per client, of one kind")]
enum CipherKind {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    Cm {
        key: EncryptingKey,
        salt: [u8; 14],
        auth: hmac::Key,
    },
}

impl Cipher {
    /// Derives the session keys (RFC 3711 §4.3.1, key derivation rate 0).
    pub(crate) fn new(
        profile: Profile,
        master: &Master<'_>,
        direction: Direction,
    ) -> Result<Self, KeyRefusal> {
        let label = match direction {
            Direction::Rtp => 0,
            Direction::Rtcp => 3,
        };
        let mut key = [0; 32];
        let key = key
            .get_mut(..profile.key_len())
            .ok_or(KeyRefusal::Library)?;
        derive(master, label, key)?;
        let kind = match profile {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => {
                let algorithm = if profile == Profile::AeadAes256Gcm {
                    &AES_256_GCM
                } else {
                    &AES_128_GCM
                };
                let mut salt = [0; 12];
                derive(master, label + 2, &mut salt)?;
                let key = UnboundKey::new(algorithm, key).map_err(|_| KeyRefusal::Library)?;
                CipherKind::Gcm {
                    key: LessSafeKey::new(key),
                    salt,
                }
            }
            Profile::Aes128CmSha1_80 => {
                let (mut auth, mut salt) = ([0; 20], [0; 14]);
                derive(master, label + 1, &mut auth)?;
                derive(master, label + 2, &mut salt)?;
                CipherKind::Cm {
                    key: counter_mode(key)?,
                    salt,
                    auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth),
                }
            }
        };
        Ok(Self {
            kind,
            #[cfg(test)]
            log: std::cell::RefCell::default(),
        })
    }

    /// Authentication tag length in bytes.
    pub(crate) fn tag_len(&self) -> usize {
        match &self.kind {
            CipherKind::Gcm { .. } => Profile::AeadAes256Gcm.tag_len(),
            CipherKind::Cm { .. } => Profile::Aes128CmSha1_80.tag_len(),
        }
    }

    /// Seals an RTP packet whose first `header` bytes stand in `slot`: `payload` and `padding`
    /// bytes of padding behind it fill the slot but for the tag. `index` has 48 bits.
    pub(crate) fn seal_rtp(
        &self,
        slot: &mut [u8],
        header: usize,
        payload: &[u8],
        padding: usize,
        (ssrc, index): (u32, u64),
    ) -> Result<(), Unsealed> {
        match &self.kind {
            CipherKind::Gcm { key, salt } => {
                let nonce = self.gcm_nonce(salt, ssrc, index);
                let (header, rest) = slot.split_at_mut_checked(header).ok_or(Unsealed)?;
                let body = rest.split_at_mut_checked(payload.len()).ok_or(Unsealed)?;
                let mut room = [0; MAX_PADDING];
                let padding = padding_bytes(&mut room, padding);
                key.seal_out_of_place_scatter(
                    nonce,
                    Aad::from(&*header),
                    payload,
                    body.0,
                    padding,
                    body.1,
                )
                .map_err(|_| Unsealed)
            }
            CipherKind::Cm { .. } => {
                let body = slot.get_mut(header..).ok_or(Unsealed)?;
                let (body, rest) = body.split_at_mut_checked(payload.len()).ok_or(Unsealed)?;
                body.copy_from_slice(payload);
                write_padding(rest.get_mut(..padding).ok_or(Unsealed)?);
                self.seal_rtp_in_place(slot, header, (ssrc, index))
            }
        }
    }

    /// Seals an RTP packet that stands in `slot` but for its tag.
    pub(crate) fn seal_rtp_in_place(
        &self,
        slot: &mut [u8],
        header: usize,
        (ssrc, index): (u32, u64),
    ) -> Result<(), Unsealed> {
        let end = slot.len().checked_sub(self.tag_len()).ok_or(Unsealed)?;
        match &self.kind {
            CipherKind::Gcm { key, salt } => {
                let nonce = self.gcm_nonce(salt, ssrc, index);
                let (packet, tag) = slot.split_at_mut_checked(end).ok_or(Unsealed)?;
                let (header, body) = packet.split_at_mut_checked(header).ok_or(Unsealed)?;
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), body);
                tag.copy_from_slice(sealed.map_err(|_| Unsealed)?.as_ref());
            }
            CipherKind::Cm { key, salt, auth } => {
                let body = slot.get_mut(header..end).ok_or(Unsealed)?;
                self.apply_counter_mode(key, salt, (ssrc, index), body)?;
                // The rollover counter is authenticated, not sent: it stands where the tag will.
                let rollovers = ((index >> 16) as u32).to_be_bytes();
                let covered = end + rollovers.len();
                let place = slot.get_mut(end..covered).ok_or(Unsealed)?;
                place.copy_from_slice(&rollovers);
                let tag = hmac::sign(auth, slot.get(..covered).ok_or(Unsealed)?);
                copy_tag(&tag, slot.get_mut(end..).ok_or(Unsealed)?)?;
            }
        }
        Ok(())
    }

    /// Bytes that SRTCP adds to a compound packet.
    pub(crate) fn rtcp_overhead(&self) -> usize {
        self.tag_len() + RTCP_INDEX_LEN
    }

    /// Where the index stands in an SRTCP packet of `len` bytes: behind the tag with GCM
    /// (RFC 7714 §9), in front of it otherwise (RFC 3711 §3.4).
    pub(crate) fn rtcp_index_at(&self, len: usize) -> Option<usize> {
        len.checked_sub(match &self.kind {
            CipherKind::Gcm { .. } => RTCP_INDEX_LEN,
            CipherKind::Cm { .. } => self.rtcp_overhead(),
        })
    }

    /// Seals a compound RTCP packet that stands at the start of `slot`; index and tag fill the
    /// rest. `index` has 31 bits.
    pub(crate) fn seal_rtcp(
        &self,
        slot: &mut [u8],
        (ssrc, index): (u32, u32),
    ) -> Result<(), Unsealed> {
        let end = slot
            .len()
            .checked_sub(self.rtcp_overhead())
            .ok_or(Unsealed)?;
        let word = (index | RTCP_ENCRYPTED).to_be_bytes();
        let (packet, rest) = slot.split_at_mut_checked(end).ok_or(Unsealed)?;
        let (clear, body) = packet
            .split_at_mut_checked(RTCP_CLEAR_LEN)
            .ok_or(Unsealed)?;
        match &self.kind {
            CipherKind::Gcm { key, salt } => {
                let nonce = self.gcm_nonce(salt, ssrc, u64::from(index));
                let aad = rtcp_aad(clear, word).ok_or(Unsealed)?;
                let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(aad), body);
                let (tag, trailer) = rest.split_at_mut_checked(MAX_TAG).ok_or(Unsealed)?;
                tag.copy_from_slice(sealed.map_err(|_| Unsealed)?.as_ref());
                trailer.copy_from_slice(&word);
            }
            CipherKind::Cm { key, salt, auth } => {
                self.apply_counter_mode(key, salt, (ssrc, u64::from(index)), body)?;
                let covered = end + word.len();
                slot.get_mut(end..covered)
                    .ok_or(Unsealed)?
                    .copy_from_slice(&word);
                let tag = hmac::sign(auth, slot.get(..covered).ok_or(Unsealed)?);
                copy_tag(&tag, slot.get_mut(covered..).ok_or(Unsealed)?)?;
            }
        }
        Ok(())
    }

    /// Opens the SRTCP packet in `packet` and returns the length of the compound in front.
    pub(crate) fn open_rtcp(&self, packet: &mut [u8], (ssrc, index): (u32, u32)) -> Option<usize> {
        let end = packet.len().checked_sub(self.rtcp_overhead())?;
        match &self.kind {
            CipherKind::Gcm { key, salt } => {
                let nonce = Nonce::assume_unique_for_key(gcm_iv(salt, ssrc, u64::from(index)));
                let (sealed, word) = packet.split_at_mut_checked(end + MAX_TAG)?;
                let (clear, body) = sealed.split_at_mut_checked(RTCP_CLEAR_LEN)?;
                let aad = rtcp_aad(clear, (&*word).try_into().ok()?)?;
                key.open_in_place(nonce, Aad::from(aad), body).ok()?;
            }
            CipherKind::Cm { key, salt, auth } => {
                let (covered, tag) = packet.split_at_mut_checked(end + RTCP_INDEX_LEN)?;
                // The tag is the first 80 of 160 bits, which the library compares only whole.
                let want = hmac::sign(auth, covered);
                let want = want.as_ref().get(..tag.len())?;
                aws_lc_rs::constant_time::verify_slices_are_equal(want, tag).ok()?;
                let body = covered.get_mut(RTCP_CLEAR_LEN..end)?;
                let iv = counter_iv(salt, ssrc, u64::from(index));
                apply(key, iv, body).ok()?;
            }
        }
        Some(end)
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests log the nonce"))]
    fn gcm_nonce(&self, salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
        let iv = gcm_iv(salt, ssrc, index);
        #[cfg(test)]
        self.note(&iv);
        Nonce::assume_unique_for_key(iv)
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests log the nonce"))]
    fn apply_counter_mode(
        &self,
        key: &EncryptingKey,
        salt: &[u8; 14],
        (ssrc, index): (u32, u64),
        body: &mut [u8],
    ) -> Result<(), Unsealed> {
        let iv = counter_iv(salt, ssrc, index);
        #[cfg(test)]
        self.note(&iv);
        apply(key, iv, body)
    }

    #[cfg(test)]
    fn note(&self, iv: &[u8]) {
        let mut nonce = [0; 16];
        for (to, from) in nonce.iter_mut().zip(iv) {
            *to = *from;
        }
        self.log.borrow_mut().push(nonce);
    }
}

/// RFC 7714 §8.1 and §9.1: two zero bytes, SSRC, 48-bit index, all under the salt.
fn gcm_iv(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let [_, _, index @ ..] = index.to_be_bytes();
    let mut iv = *salt;
    for (byte, value) in iv
        .iter_mut()
        .skip(2)
        .zip(ssrc.to_be_bytes().into_iter().chain(index))
    {
        *byte ^= value;
    }
    iv
}

/// RFC 3711 §4.1.1: salt·2^16 ⊕ SSRC·2^64 ⊕ index·2^16; the last two bytes count blocks.
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let [_, _, index @ ..] = index.to_be_bytes();
    let mut iv = [0; 16];
    for (byte, value) in iv.iter_mut().zip(salt) {
        *byte = *value;
    }
    for (byte, value) in iv
        .iter_mut()
        .skip(4)
        .zip(ssrc.to_be_bytes().into_iter().chain(index))
    {
        *byte ^= value;
    }
    iv
}

/// RFC 7714 §9.2: the clear header and the index with its E flag.
fn rtcp_aad(clear: &[u8], word: [u8; 4]) -> Option<[u8; 12]> {
    let mut aad = [0; 12];
    let (front, back) = aad.split_at_mut_checked(RTCP_CLEAR_LEN)?;
    front.copy_from_slice(clear);
    back.copy_from_slice(&word);
    Some(aad)
}

/// RFC 3711 §4.3.3: the key stream of the master key over `label`.
fn derive(master: &Master<'_>, label: u8, key: &mut [u8]) -> Result<(), KeyRefusal> {
    let mut iv = [0; 16];
    for (byte, value) in iv.iter_mut().zip(master.salt) {
        *byte = *value;
    }
    let [.., place, _, _, _, _, _, _, _, _] = &mut iv;
    *place ^= label;
    key.fill(0);
    let cipher = counter_mode(master.key)?;
    apply(&cipher, iv, key).map_err(|_| KeyRefusal::Library)
}

fn counter_mode(key: &[u8]) -> Result<EncryptingKey, KeyRefusal> {
    let algorithm = if key.len() == Profile::AeadAes256Gcm.key_len() {
        &AES_256
    } else {
        &AES_128
    };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| KeyRefusal::Library)?;
    EncryptingKey::ctr(key).map_err(|_| KeyRefusal::Library)
}

fn apply(key: &EncryptingKey, iv: [u8; 16], body: &mut [u8]) -> Result<(), Unsealed> {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(body, context)
        .map(|_| ())
        .map_err(|_| Unsealed)
}

fn copy_tag(tag: &hmac::Tag, place: &mut [u8]) -> Result<(), Unsealed> {
    place.copy_from_slice(tag.as_ref().get(..place.len()).ok_or(Unsealed)?);
    Ok(())
}

fn padding_bytes(room: &mut [u8; MAX_PADDING], len: usize) -> &[u8] {
    let place = room.get_mut(..len).unwrap_or_default();
    write_padding(place);
    place
}

/// Padding: zeros, and their count as the last byte (RFC 3550 §5.1).
pub(crate) fn write_padding(place: &mut [u8]) {
    let count = place.len() as u8;
    place.fill(0);
    if let Some(last) = place.last_mut() {
        *last = count;
    }
}

#[cfg(test)]
pub(crate) mod tests;

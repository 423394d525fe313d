//! SRTP keys as DTLS exports them, and what RFC 3711 derives from them.

use crate::refusal::KeyRefusal;

/// SRTP protection profiles (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AEAD_AES_256_GCM`.
    AeadAes256Gcm,
    /// `SRTP_AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`: five times the work of GCM.
    Aes128CmSha1_80,
}

impl Profile {
    /// Master key length in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 => 16,
        }
    }

    /// Master salt length in bytes.
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Bytes that DTLS exports for it.
    pub const fn material_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }

    /// Authentication tag length in bytes.
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::Aes128CmSha1_80 => 10,
        }
    }
}

/// What the DTLS exporter gave.
#[derive(Clone, Copy)]
pub struct KeyingMaterial<'a> {
    /// What was negotiated.
    pub profile: Profile,
    /// RFC 5764 §4.2: client key, server key, client salt, server salt.
    pub material: &'a [u8],
    /// We were the DTLS client.
    pub is_client: bool,
}

/// One direction's master key and salt.
#[derive(Clone, Copy)]
pub(crate) struct Master<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) salt: &'a [u8],
}

impl<'a> KeyingMaterial<'a> {
    /// Our master and the client's.
    pub(crate) fn split(&self) -> Result<(Master<'a>, Master<'a>), KeyRefusal> {
        let (key, salt) = (self.profile.key_len(), self.profile.salt_len());
        let refusal = KeyRefusal::Length {
            want: self.profile.material_len(),
            got: self.material.len(),
        };
        if self.material.len() != self.profile.material_len() {
            return Err(refusal);
        }
        let part = |from: usize, len: usize| self.material.get(from..from + len).ok_or(refusal);
        let client = Master {
            key: part(0, key)?,
            salt: part(2 * key, salt)?,
        };
        let server = Master {
            key: part(key, key)?,
            salt: part(2 * key + salt, salt)?,
        };
        Ok(if self.is_client {
            (client, server)
        } else {
            (server, client)
        })
    }
}

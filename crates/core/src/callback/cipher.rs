//! The envelope: AES-256-CBC with a padding block of 32 bytes, and a SHA-1 over four sorted texts
//! (wire-facts §10.2).

use aes::Aes256;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::PAD;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use sha1_smol::Sha1;
use zeroize::Zeroizing;

use super::Refusal;
use crate::Secret;

const BLOCK: usize = 16;
const PADDING: usize = 32;
/// Random bytes and length, in front of the message.
const HEAD: usize = 20;

/// A key's last character is random, so its two spare bits are mostly set: a strict decoder would
/// refuse four of the platform's five sample keys.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// What both sides of a subscription know.
pub(super) struct Cipher {
    token: Secret,
    key: Zeroizing<[u8; 32]>,
}

/// What was inside.
pub(super) struct Opened {
    pub(super) message: Zeroizing<String>,
    /// Whom it is for, as it came.
    pub(super) owner: Vec<u8>,
}

impl Cipher {
    pub(super) fn new(token: Secret, aes_key: &Secret) -> Result<Self, Refusal> {
        let text = aes_key.expose();
        if text.len() != 43 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Refusal::AesKey);
        }
        let padded = Zeroizing::new(format!("{text}="));
        let bytes = Zeroizing::new(LENIENT.decode(&*padded).map_err(|_| Refusal::AesKey)?);
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(Refusal::AesKey);
        }
        key.copy_from_slice(&bytes);
        Ok(Self { token, key })
    }

    /// SHA-1 over token, timestamp, nonce and `encrypt`, sorted by their bytes.
    pub(super) fn signature(&self, timestamp: &str, nonce: &str, encrypt: &str) -> [u8; 20] {
        let mut parts = [self.token.expose(), timestamp, nonce, encrypt];
        parts.sort_unstable();
        let mut hash = Sha1::new();
        parts.iter().for_each(|part| hash.update(part.as_bytes()));
        hash.digest().bytes()
    }

    /// Decrypts an `encrypt` text whose signature was checked.
    pub(super) fn open(&self, encrypt: &str) -> Result<Opened, Refusal> {
        let wrong = |why| Refusal::Decrypt { why };
        let data = LENIENT.decode(encrypt).map_err(|_| wrong("encrypt is not Base64"))?;
        let mut data = Zeroizing::new(data);
        let (blocks, rest) = data.as_chunks_mut::<BLOCK>();
        if blocks.is_empty() || !rest.is_empty() {
            return Err(wrong("encrypt is not made of whole blocks"));
        }
        let (key, initial) = self.key();
        cbc::Decryptor::<Aes256>::new(key.into(), initial.into())
            .decrypt_blocks(Array::cast_slice_from_core_mut(blocks));
        let padding = wrong("the padding is wrong: check the AES key");
        let plain = unpadded(&data).ok_or(padding)?;
        let (head, rest) = plain.split_at_checked(HEAD).ok_or(Refusal::Length)?;
        let length = head.last_chunk().copied().map(u32::from_be_bytes).unwrap_or_default();
        let length = usize::try_from(length).map_err(|_| Refusal::Length)?;
        let (message, owner) = rest.split_at_checked(length).ok_or(Refusal::Length)?;
        let message = std::str::from_utf8(message).map_err(|_| wrong("the text is not UTF-8"))?;
        Ok(Opened { message: Zeroizing::new(message.to_owned()), owner: owner.to_vec() })
    }

    /// Encrypts a message; `random` goes in front of it as it is.
    pub(super) fn seal(&self, random: [u8; BLOCK], message: &str, owner: &[u8]) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut data = Vec::with_capacity(HEAD + message.len() + owner.len() + PADDING);
        data.extend_from_slice(&random);
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(message.as_bytes());
        data.extend_from_slice(owner);
        let pad = PADDING - data.len() % PADDING;
        data.resize(data.len() + pad, u8::try_from(pad).unwrap_or_default());
        self.encrypted(data)
    }

    /// Encrypts whole blocks.
    pub(super) fn encrypted(&self, mut data: Vec<u8>) -> String {
        let (key, initial) = self.key();
        cbc::Encryptor::<Aes256>::new(key.into(), initial.into())
            .encrypt_blocks(Array::cast_slice_from_core_mut(data.as_chunks_mut::<BLOCK>().0));
        LENIENT.encode(data)
    }

    /// The key, and its first half, with which the chain begins.
    fn key(&self) -> (&[u8; 32], &[u8; BLOCK]) {
        let initial = self.key.first_chunk().expect("16 is less than 32");
        (&self.key, initial)
    }
}

/// 1 to 32 bytes, each of which says how many they are. Nobody learns from the answer what is
/// wrong with a text that he made himself: its signature was checked first.
fn unpadded(data: &[u8]) -> Option<&[u8]> {
    let pad = usize::from(*data.last()?);
    let end = data.len().checked_sub(pad).filter(|_| (1..=PADDING).contains(&pad))?;
    let (data, padding) = data.split_at(end);
    padding.iter().all(|&byte| usize::from(byte) == pad).then_some(data)
}

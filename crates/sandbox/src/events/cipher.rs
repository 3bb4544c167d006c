//! The callbacks' envelope: AES-256-CBC with a 32-byte padding block, and a SHA-1 over four sorted texts
//! (wire-facts §10.2).

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::PAD;
use sha1::{Digest as _, Sha1};

use crate::rng::push_hex;

/// The last of a key's 43 characters is random, so its two spare bits are mostly set: a strict decoder would refuse
/// the platform's own sample keys.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

const BLOCK: usize = 16;
const PADDING: usize = 32;

/// What one subscription encrypts and signs with.
#[derive(Clone)]
pub(crate) struct Cipher {
    token: String,
    key: [u8; 32],
    owner: String,
}

impl Cipher {
    /// `None` when the key is not 43 letters and digits.
    pub(crate) fn new(token: &str, aes_key: &str, owner: &str) -> Option<Self> {
        if aes_key.len() != 43 || !aes_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let key = LENIENT.decode(format!("{aes_key}=")).ok()?.try_into().ok()?;
        Some(Self { token: token.to_owned(), key, owner: owner.to_owned() })
    }

    /// The `encrypt` text of a message: 16 random characters, its length, itself, the owner key, padding.
    pub(crate) fn encrypt(&self, random: [u8; BLOCK], message: &str) -> String {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut data = Vec::with_capacity(message.len() + self.owner.len() + 2 * PADDING);
        data.extend_from_slice(&random);
        data.extend_from_slice(&length.to_be_bytes());
        data.extend_from_slice(message.as_bytes());
        data.extend_from_slice(self.owner.as_bytes());
        let pad = PADDING - data.len() % PADDING;
        data.resize(data.len() + pad, u8::try_from(pad).unwrap_or(0));
        let aes = Aes256::new(&self.key.into());
        let mut before = self.initial();
        for chunk in data.as_chunks_mut::<BLOCK>().0 {
            for (byte, other) in chunk.iter_mut().zip(before) {
                *byte ^= other;
            }
            aes.encrypt_block(chunk.into());
            before = *chunk;
        }
        LENIENT.encode(data)
    }

    /// The message inside an `encrypt` text.
    pub(crate) fn decrypt(&self, encrypt: &str) -> Result<String, &'static str> {
        let mut data = LENIENT.decode(encrypt).map_err(|_| "encrypt is not Base64")?;
        if data.is_empty() || data.len() % BLOCK != 0 {
            return Err("the ciphertext is not made of whole blocks");
        }
        let aes = Aes256::new(&self.key.into());
        let mut before = self.initial();
        for chunk in data.as_chunks_mut::<BLOCK>().0 {
            let cipher = *chunk;
            aes.decrypt_block((&mut *chunk).into());
            for (byte, other) in chunk.iter_mut().zip(before) {
                *byte ^= other;
            }
            before = cipher;
        }
        let wrong = "the padding is wrong: another key, or not padded to 32 bytes";
        let pad = usize::from(*data.last().ok_or(wrong)?);
        let end =
            data.len().checked_sub(pad).filter(|_| (1..=PADDING).contains(&pad)).ok_or(wrong)?;
        let (data, padding) = data.split_at(end);
        if padding.iter().any(|&byte| usize::from(byte) != pad) {
            return Err(wrong);
        }
        let short = "the length inside is larger than the text";
        let (length, rest) = data.get(BLOCK..).and_then(<[u8]>::split_first_chunk).ok_or(short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| short)?;
        let (message, owner) = rest.split_at_checked(length).ok_or(short)?;
        if owner != self.owner.as_bytes() {
            return Err("the owner key differs");
        }
        String::from_utf8(message.to_vec()).map_err(|_| "the message is not UTF-8")
    }

    /// Lower-case hex SHA-1 over token, timestamp, nonce and `encrypt`, sorted by their bytes.
    pub(crate) fn signature(&self, timestamp: &str, nonce: &str, encrypt: &str) -> String {
        let mut parts = [&*self.token, timestamp, nonce, encrypt];
        parts.sort_unstable();
        let digest =
            parts.iter().fold(Sha1::new(), |hash, part| hash.chain_update(part)).finalize();
        let mut text = String::with_capacity(40);
        for byte in digest {
            push_hex(&mut text, byte, b"0123456789abcdef");
        }
        text
    }

    fn initial(&self) -> [u8; BLOCK] {
        let mut initial = [0; BLOCK];
        initial.copy_from_slice(&self.key[..BLOCK]);
        initial
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cipher").field("owner", &self.owner).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Vector {
        token: &'static str,
        key: &'static str,
        owner: &'static str,
        timestamp: &'static str,
        nonce: &'static str,
        random: &'static str,
        message: &'static str,
        encrypt: &'static str,
        signature: &'static str,
    }

    /// The samples that the platform's pages and demos print, and four of our own that were computed elsewhere.
    const VECTORS: [Vector; 8] = [
        Vector {
            token: "123456",
            key: "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
            owner: "suite4xxxxxxxxxxxxxxx",
            timestamp: "1445827045067",
            nonce: "nEXhMP4r",
            random: "hU3bEfGZZewzhG5a",
            message: r#"{"EventType":"check_create_suite_url","Random":"LPIdSnlF","TestSuiteKey":"suite4xxxxxxxxxxxxxxx"}"#,
            encrypt: "1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9VrYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ==",
            signature: "5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0",
        },
        Vector {
            token: "123456",
            key: "1234567890123456789012345678901234567890123",
            owner: "dingsnotzck6pm5veliw",
            timestamp: "1614767836",
            nonce: "A7Co0cJLMzIDtMMI",
            random: "dICkEDLj0eb6yAbc",
            message: "success",
            encrypt: "YvkvaGe4hQxd3VxRmEty0dVlnCOAqwf56xwTRHDHoOURqhalbmBJQk5FNcRk42Gl5T0YQXZNwpwWSm1xAFJ5ZA==",
            signature: "9a95a004dd16f5c307e849b994173f76aa26e5eb",
        },
        Vector {
            token: "tokenxxxx",
            key: "o1w0aum42yaptlz8alnhwikjd3jenzt9cb9wmzptgus",
            owner: "dingxxxxxx",
            timestamp: "1605695694141",
            nonce: "WelUQl6bCqcBa2fM",
            random: "WelUQl6bCqcBa2fM",
            message: "success",
            encrypt: "X1VSe9cTJUMZu60d3kyLYTrBq5578ZRJtteU94wG0Q4Uk6E/wQYeJRIC0/UFW5Wkya1Ihz9oXAdLlyC9TRaqsQ==",
            signature: "f36f4ba5337d426c7d4bca0dbcb06b3ddc1388fc",
        },
        Vector {
            token: "mryue",
            key: "Yue0EfdN5900c1ce5cf6A152c63DDe1808a60c5ecd7",
            owner: "ding6ccabc44d2c8d38b",
            timestamp: "1608001896814",
            nonce: "WL4PK6yA",
            random: "l7Y3EcX2CU5w8av3",
            message: r#"{"EventType":"check_url"}"#,
            encrypt: "0vJiX6vliEpwG3U45CtXqi+m8PXbQRARJ8p8BbDuD1EMTDf0jKpQ79QS93qEk7XHpP6u+oTTrd15NRPvNvmBKyDCYxxOK+HZeKju4yhELOFchzNukR+t8SB/qk4ROMu3",
            signature: "03044561471240d4a14bb09372dfcfd4fd0e40cb",
        },
        Vector {
            token: "tokenExample1",
            key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            owner: "dingexampleapp01",
            timestamp: "1700000000000",
            nonce: "n0nceAAA",
            random: "0123456789abcdef",
            message: "success",
            encrypt: "Q3stYC6hdFzMh9T8HCvyDOVqkB+rSNzcUvKpEE/mCfgKjp7t//WhqEy/2U3bZWm7r05e1rCDx03JlV7K4E2PdQ==",
            signature: "2bc3f44dec1e7f8c6578615ad2dd74c09d828d1e",
        },
        Vector {
            token: "tokenExample1",
            key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            owner: "suiteexample0001",
            timestamp: "1700000000123",
            nonce: "n0nceBBB",
            random: "fedcba9876543210",
            message: r#"{"EventType":"check_url"}"#,
            encrypt: "DpQeJfnf/MGZ/+GTIspwVIU0ssnkrF7rlkT3KmRPoP9pW0zTOne4oPHnBBjXd/EOR5SPKUqZRdodmZvYPm7e6A==",
            signature: "10a8d28c48ee2ec78d5874420d900a7d70569ea6",
        },
        Vector {
            token: "tokenExample1",
            key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            owner: "suiteexample0001",
            timestamp: "1700000000456",
            nonce: "n0nceCCC",
            random: "ABCDEFGHIJKLMNOP",
            message: r#"{"EventType":"suite_ticket","SuiteKey":"suiteexample0001","SuiteTicket":"票据-例","TimeStamp":1700000000456}"#,
            encrypt: "ECb94sC68hxnidW1ycQhs6IjD9XgyVddaF1GNW66xA+p36PycdwQjW3NNZyNrJKtDlJ0dVHBkBxysvRJeJBsNln3vnHb299JJfEKrsBxAflOizxz6x5iugSA29aR2tLnl6J05mHBdUdkkMwJdpWPCK8IwJcexflgne5bdph6FqXa5BFItLq2i8G+lMXSKx6JOie0KSrJ6SqCtkTsrrsl3Q==",
            signature: "b976e1ab95697746d4c12fb74f384cb8cdd6e215",
        },
        Vector {
            token: "tokenExample1",
            key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
            owner: "suiteexample0001",
            timestamp: "1700000000789",
            nonce: "n0nceDDD",
            random: "aaaaaaaaaaaaaaaa",
            message: "xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            encrypt: "5I0ViYLQqCiDyNw9bygZh1s193HO5oCmN7Cq3KJuyukzFr07niVzQNhUhaf0tcAOXXwjZbsO//WrlVtQYaJuacpK3M53zHbcqlsbxYDgdZyUXiFaPm0+7cqp69ubBE0/",
            signature: "6c46bf0fe32b8248bebd23376205743d6fe849bc",
        },
    ];

    #[test]
    fn every_known_vector_decrypts_and_is_signed_as_printed() {
        for vector in VECTORS {
            let cipher = Cipher::new(vector.token, vector.key, vector.owner).expect("a sample key");
            assert_eq!(cipher.decrypt(vector.encrypt).as_deref(), Ok(vector.message));
            let signature = cipher.signature(vector.timestamp, vector.nonce, vector.encrypt);
            assert_eq!(signature, vector.signature);
        }
    }

    #[test]
    fn every_known_vector_is_reproduced_by_encrypting() {
        for vector in VECTORS {
            let cipher = Cipher::new(vector.token, vector.key, vector.owner).expect("a sample key");
            let random = vector.random.as_bytes().try_into().expect("16 characters");
            assert_eq!(cipher.encrypt(random, vector.message), vector.encrypt);
        }
    }

    #[test]
    fn every_length_around_the_padding_block_comes_back() {
        let cipher = Cipher::new("t", KEY, "owner").expect("a good key");
        for length in 0..100 {
            let message = "é".repeat(length);
            let encrypt = cipher.encrypt([b'a'; 16], &message);
            assert_eq!(cipher.decrypt(&encrypt), Ok(message));
        }
    }

    #[test]
    fn keys_of_another_form_and_broken_texts_are_refused() {
        for key in ["", &KEY[1..], &format!("{KEY}a"), &KEY.replace('a', "+"), &"é".repeat(22)] {
            assert!(Cipher::new("t", key, "o").is_none(), "{key}");
        }
        let cipher = Cipher::new("t", KEY, "owner").expect("a good key");
        let good = cipher.encrypt([b'a'; 16], "success");
        let foreign = Cipher::new("t", KEY, "other").expect("a good key");
        assert_eq!(foreign.decrypt(&good), Err("the owner key differs"));
        let other_key = Cipher::new("t", &KEY.replace('a', "b"), "owner").expect("a good key");
        assert!(other_key.decrypt(&good).is_err());
        for broken in ["", "A", "====", "AAAA", &good[..good.len() - 4], &format!("{good}AAAA")] {
            assert!(cipher.decrypt(broken).is_err(), "{broken}");
        }
    }

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
}

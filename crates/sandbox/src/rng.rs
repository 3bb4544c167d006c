//! Where ids, codes and tokens come from: a seedable stream, so that a whole run can be repeated.

use sha2::{Digest, Sha256};

/// Every secret that the sandbox hands out begins with these characters, so that one pasted into production (or the
/// other way round) is recognised at a glance.
pub(crate) const MARK: &str = "5ab0c5";

/// SHA-256 in counter mode for what must not be guessed, and a cheap mixer for request ids, which only must differ.
#[derive(Debug)]
pub(crate) struct Rng {
    key: [u8; 32],
    counter: u64,
    ids: u64,
}

impl Rng {
    /// Seeds from the machine.
    pub(crate) fn from_machine() -> Self {
        let mut key = [0; 32];
        if getrandom::fill(&mut key).is_err() {
            // A machine without entropy still gets distinct tokens; they guard nothing but a local test.
            let now = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            key[..16].copy_from_slice(&now.as_nanos().to_le_bytes());
        }
        Self::from_key(key)
    }

    /// Seeds from a number: the same number gives the same tokens, codes and ids. Insecure by design.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self::from_key(Sha256::digest(seed.to_le_bytes()).into())
    }

    /// 32 lower-case hex digits with the sandbox's mark in front: an access token, refresh token or code (§2.2 of the
    /// wire facts: 32 hex characters seen live).
    pub(crate) fn token(&mut self) -> String {
        let bytes = self.block();
        let mut text = String::with_capacity(32);
        text.push_str(MARK);
        for byte in &bytes[..13] {
            push_hex(&mut text, *byte, b"0123456789abcdef");
        }
        text
    }

    /// Letters and digits, marked like a token: JSAPI tickets and task ids.
    pub(crate) fn word(&mut self, len: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut text = String::with_capacity(len);
        text.push_str(MARK);
        while text.len() < len {
            for byte in self.block() {
                if text.len() < len {
                    text.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
                }
            }
        }
        text
    }

    /// 32 unpredictable bytes.
    pub(crate) fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        Sha256::new()
            .chain_update(self.key)
            .chain_update(self.counter.to_le_bytes())
            .finalize()
            .into()
    }

    /// The `request_id` of the topapi family: 13 characters of `[0-9a-z]` (wire-facts §1.2).
    pub(crate) fn short_id(&mut self) -> String {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut rest = self.next_id();
        let mut text = String::with_capacity(13);
        text.push('1');
        for _ in 0..12 {
            text.push(char::from(ALPHABET[(rest % 36) as usize]));
            rest /= 36;
        }
        text
    }

    /// The `requestid` of the v1.0 family: an upper-case UUID (wire-facts §1.2).
    pub(crate) fn upper_uuid(&mut self) -> String {
        let bytes = (u128::from(self.next_id()) << 64 | u128::from(self.next_id())).to_be_bytes();
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            let byte = match at {
                6 => byte & 0x0f | 0x70,
                8 => byte & 0x3f | 0x80,
                _ => *byte,
            };
            push_hex(&mut text, byte, b"0123456789ABCDEF");
        }
        text
    }

    /// The `x-acs-trace-id` header: 32 lower-case hex digits.
    pub(crate) fn trace_id(&mut self) -> String {
        let bytes = (u128::from(self.next_id()) << 64 | u128::from(self.next_id())).to_be_bytes();
        let mut text = String::with_capacity(32);
        for byte in bytes {
            push_hex(&mut text, byte, b"0123456789abcdef");
        }
        text
    }

    /// How far the streams are, for a snapshot.
    pub(crate) fn position(&self) -> (u64, u64) {
        (self.counter, self.ids)
    }

    /// Goes on where a snapshot was taken, so that a seeded sandbox does not hand the same tokens out again.
    pub(crate) fn skip_to(&mut self, (counter, ids): (u64, u64)) {
        self.counter = self.counter.max(counter);
        self.ids = ids;
    }

    fn from_key(key: [u8; 32]) -> Self {
        let mut first = [0; 8];
        first.copy_from_slice(&key[..8]);
        Self { key, counter: 0, ids: u64::from_le_bytes(first) }
    }

    /// splitmix64: every value once, in a scattered order.
    fn next_id(&mut self) -> u64 {
        self.ids = self.ids.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scattered(self.ids)
    }
}

/// The mixer of splitmix64: neighbours in, strangers out.
pub(crate) fn scattered(value: u64) -> u64 {
    let mut mixed = value;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Appends one byte as two hex digits of the given alphabet.
pub(crate) fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    text.push(char::from(digits[usize::from(byte >> 4)]));
    text.push(char::from(digits[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_marked_hex_and_never_repeat() {
        let mut rng = Rng::from_machine();
        let (one, two) = (rng.token(), rng.token());
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
        assert!(one.starts_with(MARK));
        assert!(one.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    }

    #[test]
    fn one_seed_gives_one_run() {
        let (mut one, mut two) = (Rng::from_seed(7), Rng::from_seed(7));
        assert_eq!(one.token(), two.token());
        assert_eq!(one.upper_uuid(), two.upper_uuid());
        assert_ne!(Rng::from_seed(8).token(), Rng::from_seed(7).token());
    }

    #[test]
    fn request_ids_have_the_shape_of_their_family() {
        let mut rng = Rng::from_seed(1);
        let uuid = rng.upper_uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'7');
        assert_eq!(uuid, uuid.to_uppercase());
        let short = rng.short_id();
        assert_eq!(short.len(), 13);
        assert!(short.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()));
    }
}

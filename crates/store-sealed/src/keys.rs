//! The keys, and the form of a sealed text: `sealed.1.KEY-ID.BASE64`.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dingtalk_core::Secret;
use zeroize::Zeroizing;

/// One key that seals, and any number of older ones that still open.
#[derive(Clone)]
pub struct Keys(Vec<(String, Aes256Gcm)>);

/// A key that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadKey {
    /// Not 32 bytes in standard Base64.
    Form,
    /// An id is 1 to 64 letters, digits, `-` and `_`.
    Id,
    /// Two keys have the same id.
    Twice,
}

impl Keys {
    /// A key of 32 random bytes in standard Base64 (`openssl rand -base64 32` makes one), under an
    /// id that is stored with each record in clear.
    ///
    /// # Errors
    /// When the key or its id has another form.
    pub fn new(id: &str, key: &str) -> Result<Self, BadKey> {
        Self(Vec::new()).with(id, key)
    }

    /// Another key that opens what was sealed with it before.
    ///
    /// # Errors
    /// When the key or its id has another form, or the id is there already.
    pub fn and(self, id: &str, key: &str) -> Result<Self, BadKey> {
        self.with(id, key)
    }

    pub(crate) fn seal(&self, text: &Secret, of: &str) -> Result<Secret, String> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| "the system gives no random bits".to_owned())?;
        let Some((id, cipher)) = self.0.first() else {
            return Err("there is no key to seal with".into());
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(NONCE + text.expose().len() + TAG));
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(text.expose().as_bytes());
        let (_, body) = bytes.split_at_mut(NONCE);
        let tag = cipher
            .encrypt_inout_detached(&Nonce::from(nonce), of.as_bytes(), body.into())
            .map_err(|_| "the record is too long to seal".to_owned())?;
        bytes.extend_from_slice(&tag);
        Ok(Secret::new(format!("{MARK}.{id}.{}", URL_SAFE_NO_PAD.encode(&*bytes))))
    }

    pub(crate) fn open(&self, sealed: &Secret, of: &str) -> Result<Secret, String> {
        let Some((id, text)) = sealed
            .expose()
            .strip_prefix(MARK)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.split_once('.'))
        else {
            return Err("a stored record is not sealed, or in a newer way".into());
        };
        let Some((_, cipher)) = self.0.iter().find(|(known, _)| known == id) else {
            // An id of another form would be somebody else's text in our log.
            let id = if is_id(id) { id } else { "?" };
            return Err(format!("a stored record is sealed with key {id}, which is not given"));
        };
        let broken = || "a stored record does not open: changed, moved or another key".to_owned();
        let mut bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?);
        let (nonce, rest) = bytes.split_first_chunk_mut::<NONCE>().ok_or_else(broken)?;
        let (body, tag) = rest.split_last_chunk_mut::<TAG>().ok_or_else(broken)?;
        cipher
            .decrypt_inout_detached(
                &Nonce::from(*nonce),
                of.as_bytes(),
                (&mut *body).into(),
                &Tag::from(*tag),
            )
            .map_err(|_| broken())?;
        std::str::from_utf8(body).map(Secret::new).map_err(|_| broken())
    }

    fn with(mut self, id: &str, key: &str) -> Result<Self, BadKey> {
        if !is_id(id) {
            return Err(BadKey::Id);
        }
        if self.0.iter().any(|(there, _)| there == id) {
            return Err(BadKey::Twice);
        }
        let bytes = Zeroizing::new(STANDARD.decode(key).map_err(|_| BadKey::Form)?);
        let cipher = Aes256Gcm::new_from_slice(&bytes).map_err(|_| BadKey::Form)?;
        self.0.push((id.to_owned(), cipher));
        Ok(self)
    }
}

impl fmt::Debug for Keys {
    /// The ids alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => {
                "a sealing key is 32 bytes in Base64: `openssl rand -base64 32` makes one"
            }
            Self::Id => "a key's id is 1 to 64 letters, digits, - and _",
            Self::Twice => "two sealing keys have the same id",
        })
    }
}

impl std::error::Error for BadKey {}

const MARK: &str = "sealed.1";
const NONCE: usize = 12;
const TAG: usize = 16;

fn is_id(id: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&id.len()) && id.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TWO: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

    fn keys() -> Keys {
        Keys::new("one", ONE).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_never_looks_the_same_twice() {
        let text = Secret::from("令牌 token");
        let (first, second) = (keys().seal(&text, "k").unwrap(), keys().seal(&text, "k").unwrap());
        assert!(!first.matches(second.expose()));
        assert!(!first.expose().contains("token"));
        assert!(keys().open(&first, "k").unwrap().matches(text.expose()));
    }

    #[test]
    fn a_record_that_was_moved_changed_or_cut_does_not_open() {
        let sealed = keys().seal(&Secret::from("token"), "app/a").unwrap();
        assert!(keys().open(&sealed, "app/b").unwrap_err().contains("moved"));
        for at in 0..sealed.expose().len() {
            let mut changed = sealed.expose().to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = Secret::new(String::from_utf8(changed).unwrap());
            assert!(keys().open(&changed, "app/a").is_err(), "byte {at}");
            let cut = Secret::new(&sealed.expose()[..at]);
            assert!(keys().open(&cut, "app/a").is_err(), "cut at {at}");
        }
    }

    #[test]
    fn rotation_opens_the_old_and_seals_with_the_new() {
        let old = keys().seal(&Secret::from("token"), "k").unwrap();
        let rotated = Keys::new("two", TWO).unwrap().and("one", ONE).unwrap();
        assert!(rotated.open(&old, "k").unwrap().matches("token"));
        let new = rotated.seal(&Secret::from("token"), "k").unwrap();
        let why = keys().open(&new, "k").unwrap_err();
        assert!(why.contains("key two") && !why.contains("token"), "{why}");
        let wrong = Keys::new("one", TWO).unwrap();
        assert!(wrong.open(&old, "k").unwrap_err().contains("another key"));
    }

    #[test]
    fn keys_of_another_form_are_refused_and_none_prints() {
        assert_eq!(Keys::new("one", "short").unwrap_err(), BadKey::Form);
        assert_eq!(Keys::new("one", "AAEC").unwrap_err(), BadKey::Form);
        assert_eq!(Keys::new("a.b", ONE).unwrap_err(), BadKey::Id);
        assert_eq!(Keys::new("", ONE).unwrap_err(), BadKey::Id);
        assert_eq!(keys().and("one", TWO).unwrap_err(), BadKey::Twice);
        assert_eq!(format!("{:?}", keys()), r#"["one"]"#);
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_a_store_may_hold_panics(text in ".*", of in ".*") {
            let _ = keys().open(&Secret::new(format!("sealed.1.one.{text}")), &of);
            let _ = keys().open(&Secret::new(text.clone()), &of);
            let sealed = keys().seal(&Secret::new(text.clone()), &of).unwrap();
            proptest::prop_assert!(keys().open(&sealed, &of).unwrap().matches(&text));
        }
    }
}

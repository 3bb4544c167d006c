//! [`Hunt`]: looks for secrets in what was printed, logged or stored, in every form in which they
//! would still be secrets.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shorter pieces would be found in ordinary words.
const SHORTEST: usize = 8;
/// Of a secret that was cut in two, so much at least.
const SHORTEST_HALF: usize = 12;

/// The secrets that may not be found, ready to be looked for.
#[derive(Clone, Debug, Default)]
pub struct Hunt {
    prey: Vec<Prey>,
    /// By their first four bytes.
    by_beginning: HashMap<u32, Vec<usize>>,
    /// Whether any begins so: one bit for each hash of four bytes.
    beginnings: Vec<u64>,
    known: BTreeSet<String>,
}

#[derive(Clone)]
struct Prey {
    name: String,
    form: &'static str,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Prey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.form)
    }
}

impl Hunt {
    /// For these secrets, each with a name.
    pub fn of<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut hunt = Self::default();
        for (name, value) in secrets {
            hunt.add(name, value);
        }
        hunt
    }

    /// Looks for one more.
    ///
    /// # Panics
    /// When it is so short that it would be found everywhere.
    pub fn add(&mut self, name: &str, value: &str) {
        assert!(value.len() >= SHORTEST, "the {name} is too short to be looked for");
        if !self.known.insert(value.to_owned()) {
            return;
        }
        for (form, bytes) in forms(value) {
            self.add_form(name, form, bytes);
        }
    }

    /// How many secrets are looked for.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// What was found, by name and form and never by value.
    pub fn hits(&self, text: impl AsRef<[u8]>) -> Vec<String> {
        let text = text.as_ref();
        let mut hits = BTreeSet::new();
        let mut window = 0_u32;
        for (at, byte) in text.iter().enumerate() {
            window = window << 8 | u32::from(*byte);
            let (word, bit) = place(window);
            if at < 3 || self.beginnings.get(word).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            let rest = text.get(at - 3..).unwrap_or_default();
            for prey in self.by_beginning.get(&window).into_iter().flatten() {
                if let Some(prey) = self.prey.get(*prey).filter(|it| rest.starts_with(&it.bytes)) {
                    hits.insert(format!("{prey:?}"));
                }
            }
        }
        hits.into_iter().collect()
    }

    /// # Panics
    /// When something is found in `text`, which came from `surface`.
    pub fn assert_clean(&self, surface: &str, text: impl AsRef<[u8]>) {
        let hits = self.hits(&text);
        assert!(hits.is_empty(), "{surface} gives away {hits:?}");
    }

    fn add_form(&mut self, name: &str, form: &'static str, bytes: Vec<u8>) {
        let [a, b, c, d, ..] = *bytes.as_slice() else { return };
        let beginning = u32::from_be_bytes([a, b, c, d]);
        let (word, bit) = place(beginning);
        self.beginnings.resize(WORDS, 0);
        if let Some(bits) = self.beginnings.get_mut(word) {
            *bits |= bit;
        }
        self.by_beginning.entry(beginning).or_default().push(self.prey.len());
        self.prey.push(Prey { name: name.to_owned(), form, bytes });
    }
}

const WORDS: usize = 1 << 10;

/// The bit of four bytes.
fn place(beginning: u32) -> (usize, u64) {
    let hash = beginning.wrapping_mul(0x9E37_79B1) >> 16;
    ((hash >> 6) as usize, 1 << (hash & 63))
}

/// A secret in every form that somebody could read it back from.
fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let json = serde_json::Value::from(value).to_string();
    let hex = |upper: bool| -> String {
        bytes.iter().map(|b| if upper { format!("{b:02X}") } else { format!("{b:02x}") }).collect()
    };
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("in a URL", utf8_percent_encode(value, NON_ALPHANUMERIC).to_string().into_bytes()),
        ("in a form", form_urlencoded::byte_serialize(bytes).collect::<String>().into_bytes()),
        ("in JSON", json.trim_matches('"').as_bytes().to_vec()),
        ("escaped", value.escape_debug().to_string().into_bytes()),
        ("hex", hex(false).into_bytes()),
        ("HEX", hex(true).into_bytes()),
        ("reversed", bytes.iter().rev().copied().collect()),
        ("listed", format!("{bytes:?}").trim_matches(['[', ']']).as_bytes().to_vec()),
    ];
    // Inside of something longer it may begin at any of three places of a base64 group.
    for before in 0..3_usize {
        let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
        let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for (form, text) in [
            ("base64", STANDARD_NO_PAD.encode(&padded)),
            ("base64url", URL_SAFE_NO_PAD.encode(&padded)),
        ] {
            forms.extend(text.as_bytes().get(first..last).map(|inner| (form, inner.to_vec())));
        }
    }
    let (one, two) = bytes.split_at(bytes.len() / 2);
    for half in [one, two] {
        if half.len() >= SHORTEST_HALF {
            forms.push(("one half", half.to_vec()));
            forms.push(("one half, reversed", half.iter().rev().copied().collect()));
        }
    }
    let mut seen = BTreeSet::new();
    forms.retain(|(_, bytes)| bytes.len() >= SHORTEST && seen.insert(bytes.clone()));
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "k/7\"q+Zr 9-tail中-of-it!!";

    #[test]
    fn a_secret_is_found_in_every_form_and_at_every_place() {
        let hunt = Hunt::of([("client secret", SECRET)]);
        let base = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{SECRET}!!"));
        for text in [
            SECRET.to_owned(),
            format!("{{\"a\":{}}}", serde_json::Value::from(SECRET)),
            format!("{SECRET:?}"),
            format!("?x={}&y", utf8_percent_encode(SECRET, NON_ALPHANUMERIC)),
            format!(
                "?x={}&y",
                form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>()
            ),
            base(""),
            base("a"),
            base("ab"),
            base("abc"),
            URL_SAFE_NO_PAD.encode(format!("id:{SECRET}")),
            SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(),
            SECRET.bytes().map(|byte| format!("{byte:02X}")).collect(),
            format!("body {:?}", SECRET.as_bytes()),
            SECRET[..12].to_owned() + "\n" + &SECRET[12..],
        ] {
            for around in ["", "x", "before and "] {
                assert!(!hunt.hits(format!("{around}{text}{around}")).is_empty(), "{text}");
            }
        }
        let reversed: Vec<u8> = SECRET.bytes().rev().collect();
        assert!(!hunt.hits(reversed).is_empty());
    }

    #[test]
    fn what_is_no_secret_is_not_found_and_hits_tell_no_value() {
        let hunt = Hunt::of([("token", "5ab0c5d41d8cd98f00b204e9800998ec")]);
        assert_eq!(hunt.hits("5ab0c5 d41d8cd98f0 #5ab0c5d41d8c request 5AB0-C5D4"), [""; 0]);
        let hits = hunt.hits("token=5ab0c5d41d8cd98f00b204e9800998ec");
        assert!(hits.contains(&"token (plain)".to_owned()), "{hits:?}");
        assert!(hits.iter().all(|hit| !hit.contains("d41d")));
    }
}

//! From a request to its events.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq as _};

use super::cipher::Cipher;
use super::{Owner, Received, Refusal};
use crate::event::{Claim, Event, EventKey, EventKind, Seen};
use crate::jsapi::hex;
use crate::{Secret, Timestamp};

/// One subscription's side of ours: see the [module](super). A clone shares its memory of what was
/// acknowledged.
#[derive(Clone)]
pub struct Receiver {
    cipher: Arc<Cipher>,
    owner: Owner,
    largest_body: usize,
    max_age: Duration,
    seen: Seen,
    pushes: Seen,
    replays: bool,
    random: bool,
}

impl Receiver {
    /// The most bytes that a body may have, unless told otherwise: 1 MiB.
    pub const LARGEST_BODY: usize = 1024 * 1024;

    /// A receiver with the token and the AES key of the subscription, for its owner.
    ///
    /// # Errors
    /// [`Refusal::AesKey`] when the key is not 43 letters and digits.
    pub fn new(
        token: impl Into<Secret>,
        aes_key: impl Into<Secret>,
        owner: Owner,
    ) -> Result<Self, Refusal> {
        Ok(Self {
            cipher: Arc::new(Cipher::new(token.into(), &aes_key.into())?),
            owner,
            largest_body: Self::LARGEST_BODY,
            max_age: Duration::ZERO,
            seen: Seen::default(),
            pushes: Seen::default(),
            replays: false,
            random: false,
        }
        .max_age(Duration::from_secs(3600)))
    }

    /// Takes bodies of at most so many bytes.
    #[must_use]
    pub fn largest_body(mut self, bytes: usize) -> Self {
        self.largest_body = bytes;
        self
    }

    /// Takes pushes that were signed at most so long ago or ahead; an hour unless told. No page
    /// says whether each attempt at an event is signed anew: raise this if late ones are refused.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        // A push may be replayed from when it lies ahead until when it is too old.
        self.pushes = Seen::new(10_000, max_age.saturating_mul(2));
        self.max_age = max_age;
        self
    }

    /// Shares the memory of which events were acted on: with a Stream connection, or another
    /// receiver of the same app.
    #[must_use]
    pub fn seen(mut self, seen: Seen) -> Self {
        self.seen = seen;
        self
    }

    /// Acknowledges a push that comes again byte for byte instead of refusing it, without its
    /// events. For a platform or proxy that repeats pushes as they are.
    #[must_use]
    pub fn acknowledge_replays(mut self) -> Self {
        self.replays = true;
        self
    }

    /// Answers the check of a third-party app's URL with the text that came instead of `success`,
    /// as old pages say (wire-facts §10.2).
    #[must_use]
    pub fn reply_random(mut self) -> Self {
        self.random = true;
        self
    }

    /// Judges a request before its body is read, and says how many bytes of body to read at most.
    /// [`receive`](Self::receive) judges all of it again.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] by its `content-length`, and what else needs no body.
    pub fn admit<B>(&self, request: &Request<B>) -> Result<usize, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        Query::of(request.uri())?;
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let length = length.and_then(|length| length.trim().parse::<u128>().ok());
        if length.is_some_and(|length| length > self.largest_body as u128) {
            return Err(self.too_large());
        }
        Ok(self.largest_body)
    }

    /// Judges a request and reads its events. Nothing is remembered until
    /// [`acknowledge`](Received::acknowledge).
    ///
    /// # Errors
    /// See [`Refusal`]; answer with its [`response`](Refusal::response).
    pub fn receive<B: AsRef<[u8]>>(
        &self,
        request: &Request<B>,
        now: Timestamp,
    ) -> Result<Received, Refusal> {
        self.admit(request)?;
        let query = Query::of(request.uri())?;
        let body = request.body().as_ref();
        if body.len() > self.largest_body {
            return Err(self.too_large());
        }
        let wrong = Refusal::Decrypt { why: "the body is no JSON object with an encrypt text" };
        let Envelope { encrypt } = serde_json::from_slice(body).map_err(|_| wrong)?;
        let signature = self.cipher.signature(&query.timestamp, &query.nonce, &encrypt);
        if !query.is_signed(&signature) {
            return Err(Refusal::Signature);
        }
        let signed_at = query.signed_at()?;
        let off = Duration::from_millis(signed_at.abs_diff(now.unix_millis()));
        if off > self.max_age {
            return Err(Refusal::Stale { off, max: self.max_age });
        }
        let turn = match self.pushes.claim(EventKey::of(&["push", &hex(&signature)]), now) {
            Claim::New(turn) => Some(turn),
            Claim::UnderWay => return Err(Refusal::UnderWay),
            Claim::Done if self.replays => None,
            Claim::Done => return Err(Refusal::Replayed),
        };
        let opened = self.cipher.open(&encrypt)?;
        let events = self.events_for_us(&opened.message, &opened.owner)?;
        let replayed = turn.is_none();
        let mut received = Received {
            events: Vec::with_capacity(events.len()),
            repeats: 0,
            turns: Vec::from_iter(turn),
            now,
            cipher: Arc::clone(&self.cipher),
            reply: self.reply_to(&events),
            timestamp: query.timestamp.into_owned(),
            nonce: query.nonce.into_owned(),
            owner: opened.owner,
        };
        if replayed {
            received.repeats = events.len();
            return Ok(received);
        }
        self.sort_out(events, signed_at, &mut received)?;
        Ok(received)
    }

    /// The events, if they are for us.
    fn events_for_us(&self, message: &str, owner: &[u8]) -> Result<Vec<Event>, Refusal> {
        let ours = self.owner.id().is_some_and(|id| id.as_bytes() == owner);
        let events = Event::from_push(message).map_err(|_| Refusal::Plaintext);
        let first_check = || {
            let Ok([event]) = events.as_deref() else { return false };
            self.owner.may_be_new() && matches!(event.kind, EventKind::CheckCreateSuiteUrl(_))
        };
        if ours || first_check() {
            return events;
        }
        let found = String::from_utf8_lossy(owner);
        let found = found.chars().filter(char::is_ascii_graphic).take(64).collect();
        Err(Refusal::Owner { expected: self.owner.clone(), found })
    }

    /// Leaves out what was acted on before.
    fn sort_out(
        &self,
        events: Vec<Event>,
        signed_at: u64,
        received: &mut Received,
    ) -> Result<(), Refusal> {
        let mut here = Vec::new();
        for mut event in events {
            // Every check looks like the one before it.
            if event.kind.is_check() {
                received.events.push(event);
                continue;
            }
            if here.contains(&event.key()) {
                received.repeats += 1;
                continue;
            }
            here.push(event.key());
            match self.seen.claim(event.key(), received.now) {
                Claim::New(turn) => {
                    event.born_at = event.born_at.or(Some(signed_at));
                    received.turns.push(turn);
                    received.events.push(event);
                }
                Claim::Done => received.repeats += 1,
                Claim::UnderWay => return Err(Refusal::UnderWay),
            }
        }
        Ok(())
    }

    fn reply_to(&self, events: &[Event]) -> String {
        match events {
            [event] if self.random => match &event.kind {
                EventKind::CheckCreateSuiteUrl(check) | EventKind::CheckUpdateSuiteUrl(check) => {
                    check.random.clone()
                }
                _ => SUCCESS.to_owned(),
            },
            _ => SUCCESS.to_owned(),
        }
    }

    fn too_large(&self) -> Refusal {
        Refusal::TooLarge { limit: self.largest_body }
    }
}

const SUCCESS: &str = "success";

/// Token and key stay inside.
impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("owner", &self.owner).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    encrypt: Cow<'a, str>,
}

/// What stands beside the body.
struct Query<'a> {
    /// By either name (wire-facts §10.1).
    signatures: [Option<[u8; 20]>; 2],
    timestamp: Cow<'a, str>,
    nonce: Cow<'a, str>,
}

impl<'a> Query<'a> {
    fn of(uri: &'a http::Uri) -> Result<Self, Refusal> {
        let query = uri.query().unwrap_or_default().as_bytes();
        let first = |name: &str| {
            let mut pairs = form_urlencoded::parse(query);
            pairs.find(|(other, _)| other == name).map(|(_, value)| value)
        };
        let signatures = ["signature", "msg_signature"].map(|name| first(name).and_then(digest));
        if signatures.iter().all(Option::is_none) {
            return Err(Refusal::Unsigned);
        }
        let query = Self {
            signatures,
            timestamp: first("timestamp").ok_or(Refusal::Timestamp)?,
            nonce: first("nonce").filter(|nonce| !nonce.is_empty()).ok_or(Refusal::Nonce)?,
        };
        query.signed_at()?;
        Ok(query)
    }

    fn is_signed(&self, signature: &[u8; 20]) -> bool {
        let good = self.signatures.iter().flatten().map(|one| one.ct_eq(signature));
        good.fold(Choice::from(0), |some, one| some | one).into()
    }

    /// In Unix milliseconds. Some samples count seconds.
    fn signed_at(&self) -> Result<u64, Refusal> {
        // As milliseconds this is March 1973, as seconds the year 5138.
        const SECONDS: u64 = 100_000_000_000;
        let time: u64 = self.timestamp.trim().parse().map_err(|_| Refusal::Timestamp)?;
        Ok(if time < SECONDS { time * 1000 } else { time })
    }
}

/// 40 hex digits.
fn digest(text: Cow<'_, str>) -> Option<[u8; 20]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut digest = [0; 20];
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(digest)
}

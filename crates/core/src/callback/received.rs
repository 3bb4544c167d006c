//! A push that was received and awaits its acknowledgement.

use std::fmt;
use std::sync::Arc;

use http::{Response, StatusCode};
use serde::Serialize;

use super::cipher::Cipher;
use super::refusal::answer;
use crate::Timestamp;
use crate::event::{Event, Turn};
use crate::jsapi::hex;

/// A push whose signature, time and owner are good: what happened, and the answer to it.
///
/// Act on the events, then [`acknowledge`](Self::acknowledge). Until that, nobody else gets them;
/// dropped, or put off with [`later`](Self::later), they are received again when the platform
/// pushes them again.
#[must_use = "unacknowledged, the platform pushes it again"]
pub struct Received {
    pub(super) events: Vec<Event>,
    pub(super) repeats: usize,
    pub(super) turns: Vec<Turn>,
    pub(super) now: Timestamp,
    pub(super) cipher: Arc<Cipher>,
    pub(super) timestamp: String,
    pub(super) nonce: String,
    pub(super) owner: Vec<u8>,
    pub(super) reply: String,
}

#[derive(Serialize)]
struct Reply<'a> {
    msg_signature: &'a str,
    #[serde(rename = "timeStamp")]
    timestamp: &'a str,
    nonce: &'a str,
    encrypt: &'a str,
}

impl Received {
    /// What happened and was not acted on before. None if all of it was; a question to the
    /// callback's URL is an event, too, and needs nothing but the acknowledgement.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How many events were left out because they were acted on before.
    pub fn repeats(&self) -> usize {
        self.repeats
    }

    /// The answer that the platform waits for: an encrypted `success`. Its events are remembered
    /// as acted on, and those that are pushed again are left out.
    ///
    /// `entropy` is 16 random bytes, fresh each time. Timestamp and nonce are the push's own, as
    /// the platform's demos answer.
    pub fn acknowledge(self, entropy: [u8; 16]) -> Response<Vec<u8>> {
        // Letters and digits as everybody sends, for receivers that take the whole for a text.
        let random = entropy.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]);
        let encrypt = self.cipher.seal(random, &self.reply, &self.owner);
        let signature = self.cipher.signature(&self.timestamp, &self.nonce, &encrypt);
        let reply = Reply {
            msg_signature: &hex(&signature),
            timestamp: &self.timestamp,
            nonce: &self.nonce,
            encrypt: &encrypt,
        };
        let body = serde_json::to_vec(&reply).expect("four texts are JSON");
        for turn in self.turns {
            turn.done(self.now);
        }
        answer(StatusCode::OK, body)
    }

    /// The answer that has the platform push it again: for when acting on it failed. It gives up
    /// after two more times, but not on suite tickets.
    pub fn later(self) -> Response<Vec<u8>> {
        answer(StatusCode::SERVICE_UNAVAILABLE, br#"{"errcode":-1}"#.to_vec())
    }
}

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("events", &self.events)
            .field("repeats", &self.repeats)
            .finish_non_exhaustive()
    }
}
